import { EdgeContact } from './edge-contact.js';

describe(EdgeContact.name, () => {
  it('is silent since its start, since the last call, and not while one is open', () => {
    let now = 1_000;
    const contact = new EdgeContact(() => now);
    now = 4_000;
    expect(contact.silentMs).toBe(3_000);
    const [firstOver, secondOver] = [contact.callBegan(), contact.callBegan()];
    now = 60_000;
    expect(contact.silentMs).toBe(0);
    firstOver();
    firstOver();
    expect(contact.silentMs).toBe(0);
    secondOver();
    now = 61_000;
    expect(contact.silentMs).toBe(1_000);
  });
});
