/** Whether the edge reaches this agent: the only sign that the control client carries bytes. */
export class EdgeContact {
  private lastAt: number;
  private openCalls = 0;

  constructor(private readonly now: () => number = () => performance.now()) {
    this.lastAt = now();
  }

  /** A call of the edge began; call what it returns when the call is over, however it ended. */
  callBegan(): () => void {
    this.openCalls += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.openCalls -= 1;
      this.lastAt = this.now();
    };
  }

  /** 0 while a call is open: keepalive ends the calls of a dead connection. */
  get silentMs(): number {
    return this.openCalls > 0 ? 0 : this.now() - this.lastAt;
  }
}
