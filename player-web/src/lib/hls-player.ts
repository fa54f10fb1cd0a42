/**
 * Player over hls.js, wherever there is MediaSource or ManagedMediaSource.
 *
 * Angles are pathways of one multivariant playlist with one AUDIO group. hls.js moves between pathways
 * (`pathwayPriority`) without a steering manifest; what it does not do is replace the picture that is
 * already buffered, because it takes pathways for equal copies of one picture. That part is here.
 */
import Hls, { ErrorTypes, Events, type ErrorData, type HlsConfig, type LevelDetails } from 'hls.js';
import type { LiveLine } from './pace';
import { steer } from './pace';
import { Player, type Mode, type Snapshot, type Source } from './player';
import { frameSeconds, type Rate } from './time';

export interface HlsOptions {
  mode: Mode;
  rate: Rate;
  /** Seconds of a part and of a segment. */
  part: number;
  segment: number;
  /** Shared by the players of a page that keep in step. */
  line?: LiveLine;
  /** Seconds kept behind the playhead. */
  keep?: number;
}

/** How soon a playing picture may be cut, seconds: a fetch on a good network. Later is only a held frame. */
const CUT_MARGIN = 0.12;
/** Removal starts and ends this much before a key frame: a float above its time would take it away. */
const EDGE = 0.01;
/** A source that shows nothing for this long is opened again: a start that fell into a gap never gets out of it. */
const STUCK_MS = 8000;
/** A player that has just been opened runs dry while it finds its place: that says nothing about the network. */
const SETTLE_MS = 3000;
const RETRY_MS = [500, 1000, 2000, 4000];

export class HlsPlayer extends Player {
  private hls: Hls | null = null;
  private attempts = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private stuck: ReturnType<typeof setTimeout> | undefined;
  private readonly pacing: ReturnType<typeof setInterval> | undefined;
  /** Where the new angle begins; media before it still shows the one before. */
  private cut: number | null = null;
  private recovered = 0;
  private opened = 0;
  /** Opened where nothing was recorded. */
  private gapped = false;

  constructor(
    video: HTMLVideoElement,
    private readonly options: HlsOptions,
    changed: (snapshot: Snapshot) => void,
  ) {
    super(video, options.mode, options.rate, changed);
    // ManagedMediaSource is closed to pages that could hand the picture to AirPlay.
    video.disableRemotePlayback = true;
    if (options.line) this.pacing = setInterval(this.pace, 250);
  }

  open(source: Source): void {
    clearTimeout(this.retry);
    clearTimeout(this.stuck);
    this.stuck = setTimeout(() => {
      if (this.video.readyState < 2 && this.failure !== 'gone') this.reopen();
    }, STUCK_MS);
    this.hls?.destroy();
    this.source = source;
    this.opening(source.start === undefined);
    this.angle = source.angle;
    this.cut = null;
    this.turning = false;
    this.gapped = false;
    this.opened = performance.now();
    const hls = (this.hls = new Hls(this.config()));
    // hls.js pulls a live picture that is out of the playlist's window to the live edge, even while a seek
    // into the buffer is under way. Held, there is no live position to be pulled to.
    Object.defineProperty(hls, 'liveSyncPosition', {
      get: () => (this.held ? null : (descriptor?.get?.call(hls) as number | null)),
    });
    hls.on(Events.MANIFEST_PARSED, () => {
      if (this.angle !== null && hls.pathways.includes(this.angle)) hls.pathwayPriority = [this.angle];
      this.angle = pathway(hls) ?? this.angle;
      hls.startLoad(source.start ?? -1);
      this.play();
    });
    hls.on(Events.AUDIO_TRACKS_UPDATED, () => this.tune());
    hls.on(Events.AUDIO_TRACK_SWITCHED, () => this.emit());
    hls.on(Events.LEVEL_UPDATED, (_, { details }) => this.heard(details));
    hls.on(Events.LEVEL_PTS_UPDATED, (_, { details }) => this.learn(details));
    hls.on(Events.FRAG_BUFFERED, () => {
      this.attempts = 0;
      if (this.failure !== null) {
        this.failure = null;
        this.emit();
      }
    });
    hls.on(Events.ERROR, (_, data) => this.onError(hls, data));
    hls.attachMedia(this.video);
    hls.loadSource(source.url);
    this.emit();
  }

  override destroy(): void {
    super.destroy();
    clearTimeout(this.retry);
    clearTimeout(this.stuck);
    clearInterval(this.pacing);
    this.hls?.destroy();
    this.hls = null;
  }

  turn(angle: string): void {
    const { hls, video } = this;
    if (!hls || !this.source || (angle === this.angle && this.failure === null)) return;
    this.angle = angle;
    this.source = { ...this.source, angle };
    if (hls.levels.length === 0) return;
    const details = hls.latestLevelDetails;
    hls.stopLoad();
    hls.pathwayPriority = [angle];
    if (pathway(hls) !== angle) {
      // Not in this manifest, or in hls.js' five minutes of penalty after an outage.
      this.reopen();
      return;
    }
    const cut =
      video.paused || video.seeking || this.mode === 'low' ? null : nextCut(details, video.currentTime);
    if (cut === null) {
      this.replaceAll();
    } else {
      // Playing: the running segment is played out, the new angle begins at the next key frame, and the
      // sound's buffer is never touched.
      this.flush(cut - EDGE, Infinity);
      this.cut = cut;
      this.turning = true;
    }
    hls.startLoad(video.currentTime, true);
    this.emit();
  }

  protected livePosition(): number | null {
    const { line, segment } = this.options;
    const { hls } = this;
    const details = hls?.latestLevelDetails;
    if (!hls || !details?.live) return null;
    const target = line?.target(performance.now() / 1000) ?? null;
    if (target !== null) return this.clock.position(BigInt(Math.round(target * 1e6)));
    return details.edge + Math.min(details.age, 2 * segment) - (hls.targetLatency ?? 3 * segment);
  }

  protected heardOf(): Pick<Snapshot, 'sounds' | 'sound'> {
    const { hls } = this;
    if (!hls) return { sounds: [], sound: null };
    const sounds = hls.audioTracks.map(({ name, lang }) => ({ name, language: lang ?? null }));
    return { sounds, sound: sounds[hls.audioTrack]?.name ?? null };
  }

  protected tune(): void {
    const { hls, chosen } = this;
    const at = hls?.audioTracks.findIndex((track) => track.name === chosen) ?? -1;
    if (hls && at >= 0 && hls.audioTrack !== at) hls.audioTrack = at;
  }

  protected override beforeSeek(): void {
    if (this.cut !== null) this.sweep();
  }

  protected override presented(mediaTime: number): void {
    if (this.cut !== null && mediaTime > this.cut - EDGE) this.sweep();
  }

  override pause(): void {
    super.pause();
    if (this.cut === null) return;
    // Stopped before the new angle began: show it now, at the same frame.
    this.cut = null;
    this.turning = false;
    this.replaceAll();
    this.emit();
  }

  protected override onWaiting(): void {
    if (!this.held && this.video.readyState > 1 && performance.now() - this.opened > SETTLE_MS) {
      this.options.line?.stalled(this.options.part / 2, performance.now() / 1000);
    }
  }

  private config(): Partial<HlsConfig> {
    const { mode, part, segment, keep } = this.options;
    return {
      autoStartLoad: false,
      // fMP4 passes through unchanged: a worker would only add a download and a hop.
      enableWorker: false,
      backBufferLength: keep ?? 30,
      maxBufferLength: 20,
      testBandwidth: false,
      abrEwmaDefaultEstimate: 900_000,
      capLevelToPlayerSize: mode !== 'low',
      lowLatencyMode: mode === 'low',
      // Catching up is `pace`'s, for all players of the page at once.
      maxLiveSyncPlaybackRate: 1,
      ...(mode === 'low' ? { liveSyncDuration: 2 * part } : {}),
      ...(mode === 'plain' ? { liveSyncDuration: 2.5 * segment, liveMaxLatencyDuration: 10 * segment } : {}),
    } as Partial<HlsConfig>;
  }

  private learn(details: LevelDetails): void {
    this.clock.learn(details.fragments);
    if (details.fragmentHint) this.clock.learn([details.fragmentHint]);
  }

  private heard(details: LevelDetails): void {
    this.learn(details);
    // Paused, nothing else says that live is moving away.
    if (this.held) this.emit();
    this.leaveGap(details);
    if (!details.live || !this.options.line) return;
    const edge = this.clock.seconds(details.partEnd || details.edge);
    if (edge !== null) this.options.line.heard(edge, performance.now() / 1000);
  }

  /** hls.js waits in a gap that it started in: once live is out of it, it is started again. */
  private leaveGap(details: LevelDetails): void {
    if (!details.live || this.held || this.video.readyState >= 2) return;
    const at = details.edge - (this.hls?.targetLatency ?? 0);
    const gap = details.fragments.some((f) => f.gap && f.start <= at && f.end > at);
    if (this.gapped && !gap) this.reopen();
    else this.gapped = gap;
  }

  /** Steers a player in step with the others of the page. */
  private pace = (): void => {
    const { video } = this;
    const target = this.options.line?.target(performance.now() / 1000) ?? null;
    if (this.held || target === null || video.paused || video.seeking || video.readyState < 3) return;
    const at = this.clock.seconds(video.currentTime);
    if (at === null) return;
    const move = steer(target - at, !video.muted);
    if ('rate' in move) {
      if (video.playbackRate !== move.rate) video.playbackRate = move.rate;
    } else {
      const to = video.currentTime + move.seek;
      if (buffered(video, to)) video.currentTime = to;
    }
  };

  /** Takes the picture out of the buffer; the sound stays. */
  private flush(startOffset: number, endOffset: number): void {
    this.hls?.trigger(Events.BUFFER_FLUSHING, { startOffset, endOffset, type: 'video' });
  }

  private replaceAll(): void {
    const at = this.frame;
    this.flush(0, Infinity);
    this.video.currentTime = this.video.paused ? at + frameSeconds(this.rate) / 2 : this.video.currentTime;
  }

  /** The rest of the angle before, behind the playhead, goes as well: rewinding shows this angle. */
  private sweep(): void {
    if (this.cut !== null) this.flush(0, this.cut - EDGE);
    this.cut = null;
    this.turning = false;
    this.emit();
  }

  private reopen(): void {
    const { source, video } = this;
    if (!source) return;
    const stay = this.mode === 'vod' || this.held;
    this.open({
      ...source,
      angle: this.angle,
      ...(stay && video.currentTime > 0 ? { start: video.currentTime } : {}),
    });
  }

  private onError(hls: Hls, data: ErrorData): void {
    if (!data.fatal || hls !== this.hls) return;
    const status = data.response?.code ?? 0;
    if (data.type === ErrorTypes.MEDIA_ERROR && performance.now() - this.recovered > 5000) {
      this.recovered = performance.now();
      hls.recoverMediaError();
      return;
    }
    this.failure =
      status === 410 || (status === 404 && this.mode === 'vod')
        ? 'gone'
        : data.type === ErrorTypes.MEDIA_ERROR
          ? 'media'
          : 'unreachable';
    hls.stopLoad();
    if (this.failure !== 'gone') {
      const wait = RETRY_MS[Math.min(this.attempts++, RETRY_MS.length - 1)];
      clearTimeout(this.retry);
      this.retry = setTimeout(() => this.reopen(), wait);
    }
    this.emit();
  }
}

const descriptor = Object.getOwnPropertyDescriptor(Hls.prototype, 'liveSyncPosition');

/** The pathway that hls.js is on. */
function pathway(hls: Hls): string | null {
  return hls.levels[0]?.attrs['PATHWAY-ID'] ?? null;
}

/** The next segment boundary that a new angle can begin at. Null when there is none: all is cut there. */
export function nextCut(details: Pick<LevelDetails, 'fragments'> | null, now: number): number | null {
  const next = details?.fragments.find((fragment) => fragment.start >= now + CUT_MARGIN);
  return next?.start ?? details?.fragments[details.fragments.length - 1]?.end ?? null;
}

function buffered(video: HTMLVideoElement, at: number): boolean {
  for (let i = 0; i < video.buffered.length; i++) {
    if (video.buffered.start(i) <= at && video.buffered.end(i) > at + 0.05) return true;
  }
  return false;
}
