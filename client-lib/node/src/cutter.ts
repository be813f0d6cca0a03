/**
 * Cuts a stream of bytes into MessagePack values without decoding them: a message is decoded once,
 * when it has arrived whole, however many pieces it came in.
 */

export interface CutterLimits {
  readonly messageBytesMax: number;
  readonly depthMax: number;
}

/** One message: its bytes, which are the receiver's own. */
export interface Message {
  readonly bytes: Uint8Array;
  readonly hasWideIntegers: boolean;
}

/** How many bytes the value's head and body take, and how many values it holds. */
interface Extent {
  readonly bytes: number;
  readonly children: number;
}

const spaceAtFirst = 64 << 10;
const spaceKept = 4 << 20; // Between messages; a large reply does not occupy it for ever.

export class Cutter {
  readonly #limits: CutterLimits;
  #space = Buffer.allocUnsafe(spaceAtFirst);
  #start = 0; // Of the message that is being cut.
  #at = 0; // Of the next value in it; may lie behind what has arrived.
  #end = 0; // Of what has arrived.
  #missing: number[] = []; // Values still to come, of each list and map that is open.
  #isWhole = false;
  #hasWideIntegers = false;

  constructor(limits: CutterLimits) {
    this.#limits = limits;
  }

  push(piece: Uint8Array): void {
    this.#makeRoom(piece.length);
    this.#space.set(piece, this.#end);
    this.#end += piece.length;
  }

  /** The next message, or null until more has come. Throws RangeError beyond a limit. */
  next(): Message | null {
    while (this.#at <= this.#end) {
      if (this.#isWhole) return this.#take();
      const extent = this.#extentAt(this.#at);
      if (!extent) return null;
      this.#at += extent.bytes;
      if (this.#at - this.#start > this.#limits.messageBytesMax) {
        throw new RangeError(`a message of more than ${this.#limits.messageBytesMax} bytes`);
      }
      this.#count(extent.children);
    }
    return null;
  }

  #take(): Message {
    const bytes = new Uint8Array(this.#space.subarray(this.#start, this.#at)); // A copy.
    const message = { bytes, hasWideIntegers: this.#hasWideIntegers };
    this.#start = this.#at;
    this.#isWhole = false;
    this.#hasWideIntegers = false;
    return message;
  }

  #count(children: number): void {
    if (children > 0) {
      this.#missing.push(children);
      if (this.#missing.length > this.#limits.depthMax) {
        throw new RangeError(`lists and maps more than ${this.#limits.depthMax} deep`);
      }
      return;
    }
    while (this.#missing.length > 0) {
      const last = this.#missing.length - 1;
      this.#missing[last]! -= 1;
      if (this.#missing[last]! > 0) return;
      this.#missing.pop();
    }
    this.#isWhole = true;
  }

  /** What the value at that place takes; null while its head has not arrived. */
  #extentAt(at: number): Extent | null {
    const have = this.#end - at;
    if (have < 1) return null;
    const head = this.#space[at]!;
    if (head <= 0x7f || head >= 0xe0) return { bytes: 1, children: 0 };
    if (head <= 0x8f) return { bytes: 1, children: 2 * (head & 0x0f) };
    if (head <= 0x9f) return { bytes: 1, children: head & 0x0f };
    if (head <= 0xbf) return { bytes: 1 + (head & 0x1f), children: 0 };
    const form = forms[head - 0xc0]!;
    if (have < 1 + form.length) return null;
    if (head === 0xcf || head === 0xd3) this.#hasWideIntegers = true;
    const length = form.length === 0 ? 0 : this.#space.readUIntBE(at + 1, form.length);
    return {
      bytes: 1 + form.length + form.fixed + (form.holds === "bytes" ? length : 0),
      children: form.holds === "bytes" ? 0 : length * form.each,
    };
  }

  #makeRoom(bytes: number): void {
    if (this.#start === this.#end && this.#at === this.#end) {
      if (this.#space.length > spaceKept) this.#space = Buffer.allocUnsafe(spaceAtFirst);
      this.#start = this.#at = this.#end = 0;
    }
    if (this.#end + bytes <= this.#space.length) return;
    const kept = this.#space.subarray(this.#start, this.#end);
    const needed = kept.length + bytes;
    const size = needed <= spaceAtFirst ? spaceAtFirst : 2 * needed;
    const space = Buffer.allocUnsafe(size);
    space.set(kept);
    this.#space = space;
    this.#at -= this.#start;
    this.#end -= this.#start;
    this.#start = 0;
  }
}

/** A head from 0xc0 to 0xdf: `length` bytes say how much follows, beside `fixed` bytes. */
interface Form {
  readonly length: 0 | 1 | 2 | 4;
  readonly fixed: number;
  readonly holds: "bytes" | "values";
  readonly each: number;
}

const scalar = (fixed: number): Form => ({ length: 0, fixed, holds: "bytes", each: 0 });
const sized = (length: 1 | 2 | 4, fixed = 0): Form => ({ length, fixed, holds: "bytes", each: 0 });
const many = (length: 2 | 4, each: 1 | 2): Form => ({ length, fixed: 0, holds: "values", each });

const forms: readonly Form[] = [
  ...[0, 0, 0, 0].map(scalar), // nil, (never used), false, true
  ...([1, 2, 4] as const).map((length) => sized(length)), // bin
  ...([1, 2, 4] as const).map((length) => sized(length, 1)), // ext
  ...[4, 8].map(scalar), // float
  ...[1, 2, 4, 8].map(scalar), // uint
  ...[1, 2, 4, 8].map(scalar), // int
  ...[2, 3, 5, 9, 17].map(scalar), // fixext
  ...([1, 2, 4] as const).map((length) => sized(length)), // str
  many(2, 1),
  many(4, 1), // array
  many(2, 2),
  many(4, 2), // map
];
