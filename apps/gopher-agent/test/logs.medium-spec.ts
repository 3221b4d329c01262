import { TestMachine } from './agent-process.js';
describe('the logs of a machine', () => {
  it('x', async () => {
    await using machine = await TestMachine.running();
    const caller = machine.caller(machine.ports.agent);
    const all = await caller.logs({}).end();
    console.log(
      all.messages.length,
      all.entries
        .map((e) => `${e.loggedAt?.toISOString()} ${e.source} ${e.level} ${e.text}`)
        .join('\n'),
    );
    await expect(caller.logs({ source: 1 }).end()).rejects.toThrow(/pipe/);
    await expect(caller.logs({ source: 9 as never }).end()).rejects.toThrow(/source/);
  });
});
