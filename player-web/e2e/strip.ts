/**
 * The machine-readable strip, read from a playing <video>: two rows of 48 blocks across the top, each a
 * thirtieth of the height; camera 8 bits, frame 24, UTC milliseconds 48, CRC-16/CCITT-FALSE 16.
 *
 * `install` runs in the page (it is given to `addInitScript`), so it is self-contained.
 */
export interface Strip {
  camera: number;
  frame: number;
  /** UTC milliseconds at which the frame was drawn. */
  utc: number;
}

export interface Sample extends Strip {
  /** `performance.now()` of the callback. */
  now: number;
  /** `Date.now()` less the strip's time: glass to glass, in milliseconds. */
  age: number;
  mediaTime: number;
  /** `performance.now()` when `currentTime` and the strip were read. */
  readAt: number;
  /** How long after the frame was due it was read, in milliseconds: a canvas may by then draw a later one. */
  late: number;
  currentTime: number;
  rate: number;
}

export interface Probe {
  read(video: HTMLVideoElement): Strip | null;
  /** Records every frame presented by the video with this test id, until called again. */
  record(testid: string): void;
  samples: Sample[];
  /** Its playback rate. */
  rate: number;
  /** The frame on screen when a key went down, by key. */
  atKey: { key: string; mediaTime: number; rate: number }[];
  /** `mediaTime` of the frame on screen. */
  mediaTime: number;
  /** Ranges taken out of source buffers. */
  removed: { mime: string; start: number; end: number; at: number }[];
  buffers: { mime: string; buffer: SourceBuffer }[];
  /** Frames presented whose strip could not be read. */
  unreadable: number;
}

declare global {
  interface Window {
    probe: Probe;
  }
}

/** Runs in the page before its own scripts. */
export function install(): void {
  const canvas = new OffscreenCanvas(48 * 4, 8);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('no 2d context');
  context.imageSmoothingEnabled = false;

  const crc = (bytes: number[]) => {
    let c = 0xffff;
    for (const byte of bytes) {
      c ^= byte << 8;
      for (let i = 0; i < 8; i++) c = (c & 0x8000 ? (c << 1) ^ 0x1021 : c << 1) & 0xffff;
    }
    return c;
  };

  const read = (video: HTMLVideoElement): Strip | null => {
    const { videoWidth: w, videoHeight: h } = video;
    if (!w || !h) return null;
    context.drawImage(video, 0, 0, w, (h * 2) / 30, 0, 0, canvas.width, canvas.height);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const bytes: number[] = new Array<number>(12).fill(0);
    for (let bit = 0; bit < 96; bit++) {
      const x = (bit % 48) * 4 + 2;
      const y = bit < 48 ? 2 : 6;
      const level = data[(y * canvas.width + x) * 4 + 1] ?? 0;
      if (level > 127) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (1 << (7 - (bit & 7)));
    }
    if (crc(bytes.slice(0, 10)) !== ((bytes[10] ?? 0) << 8) + (bytes[11] ?? 0)) return null;
    const number = (from: number, to: number) => bytes.slice(from, to).reduce((n, b) => n * 256 + b, 0);
    return { camera: number(0, 1), frame: number(1, 4), utc: number(4, 10) };
  };

  let recording = 0;
  const probe: Probe = {
    read,
    samples: [],
    atKey: [],
    mediaTime: NaN,
    rate: NaN,
    removed: [],
    buffers: [],
    unreadable: 0,
    record(testid) {
      const video = document.querySelector<HTMLVideoElement>(`video[data-testid="${testid}"]`);
      if (!video) throw new Error(`no video ${testid}`);
      const mine = ++recording;
      probe.samples = [];
      probe.unreadable = 0;
      const next = (now: number, metadata: VideoFrameCallbackMetadata) => {
        if (mine !== recording) return;
        const readAt = performance.now();
        const strip = read(video);
        probe.mediaTime = metadata.mediaTime;
        probe.rate = video.playbackRate;
        if (strip) {
          probe.samples.push({
            ...strip,
            now,
            age: Date.now() - strip.utc,
            mediaTime: metadata.mediaTime,
            readAt,
            late: Math.max(0, readAt - metadata.expectedDisplayTime),
            currentTime: video.currentTime,
            rate: video.playbackRate,
          });
        } else {
          probe.unreadable++;
        }
        video.requestVideoFrameCallback(next);
      };
      video.requestVideoFrameCallback(next);
    },
  };
  window.probe = probe;

  addEventListener(
    'keydown',
    (event) => probe.atKey.push({ key: event.key, mediaTime: probe.mediaTime, rate: probe.rate }),
    true,
  );

  const add = MediaSource.prototype.addSourceBuffer;
  MediaSource.prototype.addSourceBuffer = function (mime: string) {
    const buffer = add.call(this, mime);
    probe.buffers.push({ mime, buffer });
    const remove = buffer.remove.bind(buffer);
    buffer.remove = (start: number, end: number) => {
      probe.removed.push({ mime, start, end, at: performance.now() });
      remove(start, end);
    };
    return buffer;
  };
}

export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor((p / 100) * sorted.length))];
  if (value === undefined) throw new Error('no values');
  return value;
}

/** The value that occurs most often. */
export function mode(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const v of values) counts.set(v, (counts.get(v) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? NaN;
}
