/** Larger pictures are made smaller: a code that needs more dots than this is not on a card. */
const LONGEST_EDGE = 2_400;

type Detector = { detect(image: ImageBitmapSource): Promise<readonly { readonly rawValue: string }[]> };
type DetectorClass = {
  new (options: { formats: readonly string[] }): Detector;
  getSupportedFormats(): Promise<readonly string[]>;
};

type Reader = (image: ImageData) => Promise<string | undefined>;

let reader: Promise<Reader> | undefined;

/** The text of a QR code in a picture. The reader is loaded by the first who needs one. */
export function readQr(image: ImageData): Promise<string | undefined> {
  reader ??= openReader();
  return reader.then((read) => read(image));
}

async function openReader(): Promise<Reader> {
  const { BarcodeDetector: Class } = globalThis as { BarcodeDetector?: DetectorClass };
  if (Class && (await Class.getSupportedFormats()).includes('qr_code')) {
    const detector = new Class({ formats: ['qr_code'] });
    return async (image) => (await detector.detect(image))[0]?.rawValue;
  }
  const { prepareZXingModule, readBarcodes } = await import('zxing-wasm/reader');
  const wasm = new URL('../../lib/zxing-wasm/zxing_reader.wasm', import.meta.url).href;
  prepareZXingModule({ overrides: { locateFile: () => wasm } });
  return async (image) => {
    const [code] = await readBarcodes(image, { formats: ['QRCode'], maxNumberOfSymbols: 1, tryHarder: true });
    return code?.text;
  };
}

/** The dots of a picture, upright as its camera says. @throws DOMException where the browser cannot read its kind */
export async function dotsOf(picture: Blob): Promise<ImageData> {
  const bitmap = await createImageBitmap(picture);
  const scale = Math.min(1, LONGEST_EDGE / Math.max(bitmap.width, bitmap.height));
  return drawn(bitmap, Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
}

export function drawn(source: CanvasImageSource, width: number, height: number): ImageData {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new TypeError('no canvas');
  // A transparent picture is a picture on white paper.
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  context.drawImage(source, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}
