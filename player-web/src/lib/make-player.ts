/** The player this browser can have: hls.js first, for angles without a gap in the sound. */
import Hls from 'hls.js';
import { HlsPlayer, type HlsOptions } from './hls-player';
import { NativePlayer } from './native-player';
import type { Player, Snapshot } from './player';

/** Null when the browser can play no HLS at all. */
export function makePlayer(
  video: HTMLVideoElement,
  options: HlsOptions,
  changed: (snapshot: Snapshot) => void,
): Player | null {
  if (Hls.isSupported()) return new HlsPlayer(video, options, changed);
  if (video.canPlayType('application/vnd.apple.mpegurl')) {
    return new NativePlayer(video, options.mode, options.rate, changed);
  }
  return null;
}
