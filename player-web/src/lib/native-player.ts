/**
 * Player over the browser's own HLS (iPhones without ManagedMediaSource). It knows no pathways, so each angle
 * is its own playlist, and `getStartDate()` carries the instant from one to the next.
 */
import { Player, type Mode, type Snapshot, type Source } from './player';
import { formatMicros, frameSeconds, type Micros, type Rate } from './time';

/** A stream that failed is opened again after this long: the server may be starting. */
const RETRY_MS = 2000;

/** What Apple's video element has, and no other. */
interface AppleVideo extends HTMLVideoElement {
  getStartDate?: () => Date;
  audioTracks?: EventTarget & Iterable<{ label: string; language: string; enabled: boolean }>;
}

export class NativePlayer extends Player {
  private pending: Micros | null = null;
  private retry: ReturnType<typeof setTimeout> | undefined;

  constructor(video: HTMLVideoElement, mode: Mode, rate: Rate, changed: (snapshot: Snapshot) => void) {
    super(video, mode, rate, changed);
    video.addEventListener('loadedmetadata', this.onLoaded);
    video.addEventListener('error', this.onFailure);
    this.tracks?.addEventListener('addtrack', this.onTrack);
  }

  open(source: Source): void {
    clearTimeout(this.retry);
    this.forget();
    this.source = source;
    this.opening(this.pending === null);
    this.angle = source.angle;
    this.failure = null;
    if (source.angle === null) return;
    this.video.src = source.single(source.angle);
    this.play();
  }

  turn(angle: string): void {
    if (!this.source || angle === this.angle) return;
    const { paused, playbackRate } = this.video;
    this.reopen({ ...this.source, angle });
    // A new stream begins at the default rate.
    this.video.playbackRate = playbackRate;
    if (paused) this.video.pause();
  }

  /** Opens a source where the viewer is: at the same instant, or live. */
  private reopen(source: Source): void {
    this.pending = this.mode === 'vod' || this.held ? (this.pending ?? this.instant()) : null;
    this.open(source);
  }

  override destroy(): void {
    super.destroy();
    clearTimeout(this.retry);
    this.video.removeEventListener('loadedmetadata', this.onLoaded);
    this.video.removeEventListener('error', this.onFailure);
    this.tracks?.removeEventListener('addtrack', this.onTrack);
    this.video.removeAttribute('src');
    this.video.load();
  }

  private get tracks(): AppleVideo['audioTracks'] {
    return (this.video as AppleVideo).audioTracks;
  }

  private onTrack = (): void => {
    this.tune();
    this.emit();
  };

  protected heardOf(): Pick<Snapshot, 'sounds' | 'sound'> {
    const tracks = [...(this.tracks ?? [])];
    return {
      sounds: tracks.map(({ label, language }) => ({ name: label, language: language || null })),
      sound: tracks.find((track) => track.enabled)?.label ?? null,
    };
  }

  protected tune(): void {
    const tracks = [...(this.tracks ?? [])];
    if (!tracks.some((track) => track.label === this.chosen)) return;
    for (const track of tracks) track.enabled = track.label === this.chosen;
  }

  protected livePosition(): number | null {
    const { seekable } = this.video;
    return seekable.length > 0 ? seekable.end(seekable.length - 1) : null;
  }

  private onLoaded = (): void => {
    const start = (this.video as AppleVideo).getStartDate?.();
    if (!start || Number.isNaN(start.getTime())) return;
    const utc = BigInt(Math.round(start.getTime() * 1000));
    this.clock.learn([{ start: 0, rawProgramDateTime: formatMicros(utc) }]);
    if (this.pending === null) {
      this.enter();
      return;
    }
    this.video.currentTime = Number(this.pending - utc) / 1e6 + frameSeconds(this.rate) / 2;
    this.pending = null;
  };

  private onFailure = (): void => {
    this.failure = this.video.error?.code === MediaError.MEDIA_ERR_DECODE ? 'media' : 'unreachable';
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.source && this.reopen(this.source), RETRY_MS);
    this.emit();
  };
}
