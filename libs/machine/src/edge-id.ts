/** The edge whose machines this process looks after; several edges may share one database. */
export abstract class EdgeId {
  abstract readonly value: string;
}
