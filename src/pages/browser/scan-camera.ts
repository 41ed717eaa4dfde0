import { drawn, readQr } from './read-qr.ts';

const PAUSE_MS = 150;

/**
 * Looks through the camera until it sees a QR code, or `stop` is called.
 *
 * @returns the code's text; undefined after a stop
 * @throws DOMException where there is no camera, or it may not be used
 */
export async function scanCamera(video: HTMLVideoElement, stopped: AbortSignal): Promise<string | undefined> {
  const size = { width: { ideal: 1920 }, height: { ideal: 1080 } };
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: false,
    video: { facingMode: 'environment', ...size },
  });
  try {
    video.srcObject = stream;
    await video.play();
    while (!stopped.aborted) {
      const { videoWidth, videoHeight } = video;
      const text = videoWidth > 0 ? await readQr(drawn(video, videoWidth, videoHeight)) : undefined;
      if (text) return text;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    return undefined;
  } finally {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  }
}
