/**
 * A picture with angles: what every player of these pages can do, whatever plays the HLS underneath.
 *
 * Frame truth is `requestVideoFrameCallback`'s `mediaTime`: the presentation time of the frame on screen.
 * `currentTime` runs ahead of the screen by up to a frame and is used for meters only.
 */
import { Clock } from './clock';
import { frameSeconds, type Micros, type Rate } from './time';

/** `low`: live in parts, for the desk. `plain`: live in segments, for fans. `vod`: a highlight. */
export type Mode = 'low' | 'plain' | 'vod';

/** Why there is no picture: nothing answers, it was taken back, or it cannot be decoded. */
export type Failure = 'unreachable' | 'gone' | 'media';

export interface Source {
  /** Multivariant playlist with a pathway for each angle. */
  url: string;
  /** One angle's own playlist, for players that know no pathways. */
  single: (angle: string) => string;
  angle: string | null;
  /** Seconds on the player's timeline to start at; live and highlights know their own start. */
  start?: number;
  /** What a highlight shows of its media, which is whole segments: from the frame at `in` to the one before `out`. */
  range?: { in: Micros; out: Micros };
}

/** A sound that can be chosen. No two have the same name. */
export interface Sound {
  name: string;
  /** BCP 47. */
  language: string | null;
}

/** What a page draws. */
export interface Snapshot {
  angle: string | null;
  /** The picture still shows the angle before, until the next key frame. */
  turning: boolean;
  ready: boolean;
  paused: boolean;
  /** The browser refused to play before a touch. */
  blocked: boolean;
  muted: boolean;
  /** What can be heard, the default first, and which it is. */
  sounds: readonly Sound[];
  sound: string | null;
  buffering: boolean;
  ended: boolean;
  rate: number;
  time: number;
  start: number;
  end: number;
  /** Live only: the viewer has stepped out of live. */
  held: boolean;
  /** Live only: seconds behind where live playback would be. */
  behind: number;
  failure: Failure | null;
}

const GECKO = typeof CSS !== 'undefined' && CSS.supports?.('-moz-appearance', 'none');

const EVENTS =
  'play pause playing waiting seeking seeked ended volumechange ratechange timeupdate loadeddata durationchange emptied'.split(
    ' ',
  );

export abstract class Player {
  readonly clock: Clock;
  angle: string | null = null;
  held = false;
  failure: Failure | null = null;
  protected source: Source | null = null;
  protected turning = false;
  /** The sound that the viewer chose; null until then. */
  protected chosen: string | null = null;
  /** Presentation time of the frame on screen. */
  private shown: number | null = null;
  private callback = 0;
  /** Where the last step went, while its frame is not on screen yet. */
  private aim: number | null = null;
  /** The frame that the last seek went to. */
  private sought: number | null = null;
  private blocked = false;
  protected gone = false;
  /** Opened, and not at `in` yet. */
  private entering = false;
  /** The last frame before `out` was played. */
  private finished = false;

  constructor(
    readonly video: HTMLVideoElement,
    readonly mode: Mode,
    readonly rate: Rate,
    private readonly changed: (snapshot: Snapshot) => void,
  ) {
    this.clock = new Clock(rate);
    for (const name of EVENTS) video.addEventListener(name, this.emit);
    video.addEventListener('waiting', this.waiting);
    video.addEventListener('seeked', this.arrived);
    video.addEventListener('loadedmetadata', this.enter);
    this.watch();
  }

  /** Starts a source over. */
  abstract open(source: Source): void;
  /** Shows another angle at the same instant. */
  abstract turn(angle: string): void;
  /** What can be heard, and which it is. */
  protected abstract heardOf(): Pick<Snapshot, 'sounds' | 'sound'>;
  /** Takes the chosen sound, when it is there. */
  protected abstract tune(): void;
  /** Where live playback should be, on the player's timeline. */
  protected abstract livePosition(): number | null;
  protected onWaiting(): void {}
  private readonly waiting = (): void => this.onWaiting();

  destroy(): void {
    this.gone = true;
    for (const name of EVENTS) this.video.removeEventListener(name, this.emit);
    this.video.removeEventListener('waiting', this.waiting);
    this.video.removeEventListener('seeked', this.arrived);
    this.video.removeEventListener('loadedmetadata', this.enter);
    if (this.callback) this.video.cancelVideoFrameCallback(this.callback);
  }

  /** Presentation time of the frame on screen, seconds on the player's timeline. */
  get frame(): number {
    return this.shown ?? this.video.currentTime;
  }

  /** Wall clock of the frame on screen, exact to the frame; null before the first one. */
  instant(): Micros | null {
    return this.shown === null && this.video.readyState < 2 ? null : this.clock.frame(this.frame);
  }

  play(): void {
    this.blocked = false;
    // Once more from the beginning, as a video that has ended does by itself.
    if (this.finished || (this.source?.range && this.video.ended)) this.show(this.bounds().start);
    this.video.play().catch((reason: unknown) => {
      if (!(reason instanceof DOMException) || reason.name !== 'NotAllowedError') return;
      if (!this.video.muted) {
        // Sound needs a touch; the picture does not.
        this.video.muted = true;
        this.play();
        return;
      }
      this.blocked = true;
      this.emit();
    });
    this.emit();
  }

  pause(): void {
    this.hold();
    if (this.video.paused) return;
    this.video.pause();
    this.settle();
  }

  /**
   * The frame that stands is the one last presented. Firefox stops at the playhead, up to a frame from it, and
   * may draw one more without a word.
   */
  private settle(): void {
    const { shown, video } = this;
    if (shown === null || video.ended) return;
    const frame = frameSeconds(this.rate);
    const into = video.currentTime - shown;
    if (!GECKO && into >= 0 && into < frame) return;
    this.sought = shown;
    video.currentTime = shown + frame / 2;
  }

  /** Standing, the frame that was sought is the one on screen, whether the browser calls for it or not. */
  private readonly arrived = (): void => {
    const { sought, video } = this;
    if (!video.paused || sought === null) return;
    const into = video.currentTime - sought;
    if (into >= 0 && into < frameSeconds(this.rate)) this.shown = sought;
  };

  toggle(): void {
    if (this.video.paused) this.play();
    else this.pause();
  }

  /** Playback rate; anything but 1 leaves live. */
  speed(rate: number): void {
    if (rate !== 1) this.hold();
    this.video.playbackRate = rate;
  }

  mute(muted: boolean): void {
    this.video.muted = muted;
  }

  /** Chooses a sound by its name; also after the next turn, and when it is there again. */
  listen(name: string): void {
    if (name === this.chosen) return;
    this.chosen = name;
    this.tune();
    this.emit();
  }

  /** Moves by whole frames, paused. Quick presses add up. */
  step(frames: number): void {
    this.pause();
    this.finished = false;
    const from = this.aim ?? this.frame;
    const { start, end } = this.bounds();
    const frame = frameSeconds(this.rate);
    const last = this.source?.range ? Math.max(start, end - frame) : Infinity;
    this.aim = Math.min(Math.max(start, from + frames * frame), last);
    this.seekFrame(this.aim);
  }

  /** Goes to a position and shows the frame there. */
  seek(position: number): void {
    this.show(this.clock.presentation(position));
  }

  /** Goes to the frame of a wall-clock instant; false when that is not on the player's timeline. */
  seekInstant(at: Micros): boolean {
    const position = this.clock.position(at);
    if (position === null) return false;
    // A frame's own time already: looked up once more, an anchor's rounding could make it the next one.
    this.show(position);
    return true;
  }

  /** Shows the frame that begins at `mediaTime`, or the nearest that can be played. */
  private show(mediaTime: number): void {
    if (this.mode !== 'vod') this.hold();
    this.aim = null;
    this.finished = false;
    const { start, end } = this.bounds();
    this.seekFrame(Math.min(Math.max(mediaTime, start), Math.max(start, end - frameSeconds(this.rate))));
    this.emit();
  }

  back(seconds: number): void {
    this.seek(this.video.currentTime - seconds);
  }

  /** Back to live, at normal speed. */
  live(): void {
    this.held = false;
    this.aim = null;
    this.video.playbackRate = 1;
    const position = this.livePosition();
    if (position !== null && Math.abs(position - this.video.currentTime) > 0.5) {
      this.beforeSeek();
      this.video.currentTime = position;
    }
    this.play();
  }

  /** Out of live: nothing but the viewer moves the picture. */
  protected hold(): void {
    if (this.mode === 'vod' || this.held) return;
    this.held = true;
  }

  protected beforeSeek(): void {}

  /** The video element begins another timeline. */
  protected forget(): void {
    this.clock.forget();
    this.shown = null;
    this.sought = null;
    this.aim = null;
  }

  /** Seeks into the middle of a frame: a float at its edge may show the one before. */
  protected seekFrame(mediaTime: number): void {
    this.beforeSeek();
    this.sought = mediaTime;
    this.video.currentTime = mediaTime + frameSeconds(this.rate) / 2;
  }

  /** What can be played: the seekable range, and what is buffered outside of it; of a highlight, what it shows. */
  bounds(): { start: number; end: number } {
    const { seekable, buffered } = this.video;
    const ranges = [seekable, buffered].filter((r) => r.length > 0);
    if (ranges.length === 0) return { start: 0, end: 0 };
    const start = Math.min(...ranges.map((r) => r.start(0)));
    const end = Math.max(...ranges.map((r) => r.end(r.length - 1)));
    const shown = this.range();
    return shown ? { start: Math.max(start, shown.start), end: Math.min(end, shown.end) } : { start, end };
  }

  /** The source's range on the player's timeline, once a playlist has said where that is. */
  private range(): { start: number; end: number } | null {
    const { range } = this.source ?? {};
    const [from, to] = range ? [this.clock.position(range.in), this.clock.position(range.out)] : [null, null];
    if (from === null || to === null) return null;
    return { start: this.clock.presentation(from), end: this.clock.presentation(to) };
  }

  /** A source was opened: whether it begins at its own beginning. */
  protected opening(afresh: boolean): void {
    this.entering = afresh && this.source?.range !== undefined;
    this.finished = false;
  }

  /** Goes to `in` as soon as that can be done: nothing before it is shown. */
  protected readonly enter = (): void => {
    const shown = this.entering && this.video.readyState >= 1 ? this.range() : null;
    if (!shown) return;
    this.entering = false;
    if (this.video.currentTime < shown.start) this.seekFrame(shown.start);
  };

  /** Stands still on the last frame before `out`. */
  private finish(shown: number): void {
    const { video } = this;
    const end = video.paused || video.seeking ? undefined : this.range()?.end;
    const frame = frameSeconds(this.rate);
    if (end === undefined || shown < end - 1.5 * frame) return;
    video.pause();
    this.finished = true;
    // Another frame may be drawn before the pause takes hold.
    this.seekFrame(end - frame);
    this.emit();
  }

  protected emit = (): void => {
    if (!this.gone) this.changed(this.snapshot());
  };

  snapshot(): Snapshot {
    const { video } = this;
    const live = this.mode === 'vod' ? null : this.livePosition();
    return {
      angle: this.angle,
      turning: this.turning,
      ready: video.readyState >= 2,
      paused: video.paused,
      blocked: this.blocked,
      muted: video.muted,
      ...this.heardOf(),
      buffering: !video.paused && video.readyState < 3 && !video.ended,
      ended: video.ended || this.finished,
      rate: video.playbackRate,
      time: video.currentTime,
      ...this.bounds(),
      held: this.held,
      behind: live === null ? 0 : Math.max(0, live - video.currentTime),
      failure: this.failure,
    };
  }

  private watch(): void {
    if (!('requestVideoFrameCallback' in this.video)) return;
    const next = (_now: number, metadata: VideoFrameCallbackMetadata) => {
      const shown = (this.shown = this.named(metadata.mediaTime));
      if (this.aim !== null && Math.abs(this.aim - shown) < frameSeconds(this.rate) / 2) this.aim = null;
      this.presented(shown);
      this.finish(shown);
      this.callback = this.video.requestVideoFrameCallback(next);
    };
    this.callback = this.video.requestVideoFrameCallback(next);
  }

  /** The frame's own time. After a seek Firefox says where the seek went: the middle of the frame. */
  private named(mediaTime: number): number {
    const half = frameSeconds(this.rate) / 2;
    const middle = [this.sought, this.shown].find(
      (at) => at !== null && Math.abs(mediaTime - at - half) < 1e-3,
    );
    return middle ?? mediaTime;
  }

  protected presented(_mediaTime: number): void {}
}
