/** Wall-clock times as integer microseconds, and the arithmetic of a frame grid. Floats stay outside. */

/** Microseconds since 1970-01-01T00:00:00Z. */
export type Micros = bigint;

/** Frames a second, as the venue's configuration has it: 25/1, 30000/1001. */
export interface Rate {
  num: number;
  den: number;
}

const RFC3339 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/i;

/**
 * Microseconds of an RFC 3339 time. `Date` keeps milliseconds only, so the fraction is read here.
 * @throws RangeError when the text is not RFC 3339
 */
export function parseMicros(text: string): Micros {
  const match = RFC3339.exec(text);
  const ms = match ? Date.parse(`${match[1]}${match[3]}`) : NaN;
  if (!match || Number.isNaN(ms)) throw new RangeError(`not an RFC 3339 time: ${text}`);
  return BigInt(ms) * 1000n + BigInt((match[2] ?? '').padEnd(6, '0').slice(0, 6));
}

/** RFC 3339 UTC with six digits, the form the API speaks. */
export function formatMicros(at: Micros): string {
  const ms = Number(floorDiv(at, 1000n));
  const rest = String(((at % 1000n) + 1000n) % 1000n).padStart(3, '0');
  return new Date(ms).toISOString().replace('Z', `${rest}Z`);
}

/** Duration of `frames` frames in whole microseconds, rounded to nearest. */
export function framesToMicros(frames: number, rate: Rate): Micros {
  const num = BigInt(rate.num);
  return floorDiv(BigInt(frames) * 2_000_000n * BigInt(rate.den) + num, 2n * num);
}

/** Whole frames in a duration, rounded to nearest. */
export function microsToFrames(duration: Micros, rate: Rate): number {
  const unit = 1_000_000n * BigInt(rate.den);
  return Number(floorDiv(2n * duration * BigInt(rate.num) + unit, 2n * unit));
}

/** Seconds one frame lasts. */
export function frameSeconds(rate: Rate): number {
  return rate.den / rate.num;
}

/** Seconds (a float, for sliders and seeks) as microseconds. */
export function secondsToMicros(seconds: number): Micros {
  return BigInt(Math.round(seconds * 1e6));
}

/** Microseconds as seconds; exact below 285 years. */
export function microsToSeconds(micros: Micros): number {
  return Number(micros) / 1e6;
}

/** Time of day with frames, `20:03:12:14`, in the viewer's time zone. Drop-frame numbering is not used. */
export function timecode(at: Micros, rate: Rate, offsetMinutes = -new Date().getTimezoneOffset()): string {
  const local = at + BigInt(offsetMinutes) * 60_000_000n;
  const second = floorDiv(local, 1_000_000n);
  const micros = local - second * 1_000_000n;
  // Half a frame of slack: a PDT rounded down to the microsecond is still its own frame.
  const frame = Number(
    (micros * BigInt(rate.num) * 2n + BigInt(rate.den) * 1_000_000n) / (BigInt(rate.den) * 2_000_000n),
  );
  const perSecond = Math.ceil(rate.num / rate.den);
  const carry = frame >= perSecond ? 1n : 0n;
  const day = Number((((second + carry) % 86_400n) + 86_400n) % 86_400n);
  return [day / 3600, (day / 60) % 60, day % 60, carry ? 0 : frame].map((n) => pad(Math.floor(n))).join(':');
}

/** `20:03` or `20:03:12`, in the viewer's time zone. */
export function clockTime(at: Micros, withSeconds = false): string {
  const date = new Date(Number(at / 1000n));
  const parts = [date.getHours(), date.getMinutes()];
  if (withSeconds) parts.push(date.getSeconds());
  return parts.map(pad).join(':');
}

/** `0:07`, `1:12`: a position or a length for a person. */
export function length(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds + 1e-6));
  return `${Math.floor(whole / 60)}:${pad(whole % 60)}`;
}

function pad(n: number): string {
  return String(n).padStart(2, '0');
}

function floorDiv(a: bigint, b: bigint): bigint {
  const q = a / b;
  return a % b < 0n ? q - 1n : q;
}
