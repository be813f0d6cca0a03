/**
 * Instants as emstore keeps them: whole microseconds. A Date has milliseconds; a value that was read
 * must be found again by what it is, so the rest is kept beside it.
 */
export class Time extends Date {
  /** 0 to 999, behind the millisecond. */
  readonly microsecond: number;

  /** `milliseconds` as of Date, rounded down. */
  constructor(milliseconds: number, microsecond = 0) {
    super(milliseconds);
    this.microsecond = microsecond;
  }

  static copyOf(time: Date): Time {
    return new Time(time.getTime(), time instanceof Time ? time.microsecond : 0);
  }

  /** Of RFC 3339 text with up to six digits behind the point. */
  static of(text: string): Time {
    const parts = /^(.*?)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)$/.exec(text);
    const second = parts ? Date.parse(`${parts[1]}${parts[3]}`) : NaN;
    if (!parts || Number.isNaN(second)) throw new RangeError(`${text} is no time of RFC 3339`);
    const microseconds = Number((parts[2] ?? "").padEnd(6, "0"));
    return new Time(second + Math.floor(microseconds / 1000), microseconds % 1000);
  }

  /** With six digits behind the point. */
  override toISOString(): string {
    return super.toISOString().replace("Z", `${String(this.microsecond).padStart(3, "0")}Z`);
  }
}
