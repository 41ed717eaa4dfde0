import { execFileSync } from 'node:child_process';

/** A grey picture: 0 is black, 255 white; rows from the top. */
export type Raster = { readonly width: number; readonly height: number; readonly grey: Uint8Array };

/** A part of a page, in millimetres from its upper left corner. */
export type Area = {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
};

const DPI = 300;
export const dotsOf = (mm: number): number => Math.round((mm / 25.4) * DPI);

/** A page as a printer with 300 dpi would draw it. */
export function rasterise(pdf: string, page: number, area?: Area): Raster {
  const cut = area
    ? ['-x', area.x, '-y', area.y, '-W', area.width, '-H', area.height].map((each) =>
        typeof each === 'number' ? String(dotsOf(each)) : each,
      )
    : [];
  const args = ['-r', String(DPI), '-gray', '-f', String(page), '-l', String(page), ...cut, pdf];
  return parsePgm(execFileSync('pdftoppm', args, { maxBuffer: 100_000_000 }));
}

function parsePgm(file: Buffer): Raster {
  const [header = '', width, height] =
    /^P5\s+(\d+)\s+(\d+)\s+255\s/.exec(file.toString('latin1', 0, 40)) ?? [];
  return { width: Number(width), height: Number(height), grey: file.subarray(header.length) };
}

export function pgmOf({ width, height, grey }: Raster): Buffer {
  return Buffer.concat([Buffer.from(`P5\n${width} ${height}\n255\n`), grey]);
}

/** Dots that are more black than white. */
export function inkOf({ grey }: Raster): number {
  return grey.reduce((sum, each) => sum + (each < 128 ? 1 : 0), 0);
}

export function crop({ width, grey }: Raster, x: number, y: number, w: number, h: number): Raster {
  const cut = new Uint8Array(w * h);
  for (let row = 0; row < h; row += 1)
    cut.set(grey.subarray((y + row) * width + x, (y + row) * width + x + w), row * w);
  return { width: w, height: h, grey: cut };
}

/** The smallest part that holds all ink; undefined for a white picture. */
export function inked(raster: Raster): Raster | undefined {
  const { width, height, grey } = raster;
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1)
      if ((grey[y * width + x] ?? 255) < 128) {
        [left, right] = [Math.min(left, x), Math.max(right, x)];
        [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
      }
  return right < 0 ? undefined : crop(raster, left, top, right - left + 1, bottom - top + 1);
}

/** Share of dots in which two pictures differ, of all dots that carry ink in either; 1 where their sizes differ. */
export function difference(one: Raster, other: Raster): number {
  if (one.width !== other.width || one.height !== other.height) return 1;
  let [differ, ink] = [0, 0];
  for (let at = 0; at < one.grey.length; at += 1) {
    const [a, b] = [(one.grey[at] ?? 255) < 128, (other.grey[at] ?? 255) < 128];
    if (a || b) ink += 1;
    if (a !== b) differ += 1;
  }
  return ink === 0 ? 0 : differ / ink;
}

/** Out of focus: each dot becomes the mean of its neighbourhood, twice, which is close to a Gaussian. */
export function blurred(raster: Raster, radius: number): Raster {
  return boxBlur(boxBlur(raster, radius), radius);
}

function boxBlur({ width, height, grey }: Raster, radius: number): Raster {
  const out = new Uint8Array(grey.length);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      let [sum, count] = [0, 0];
      for (let v = Math.max(0, y - radius); v <= Math.min(height - 1, y + radius); v += 1)
        for (let u = Math.max(0, x - radius); u <= Math.min(width - 1, x + radius); u += 1) {
          sum += grey[v * width + u] ?? 255;
          count += 1;
        }
      out[y * width + x] = sum / count;
    }
  return { width, height, grey: out };
}

/** Held at an angle, on a white table; each dot is mixed from the four it came from. */
export function rotated({ width, height, grey }: Raster, degrees: number): Raster {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const edge = Math.ceil(Math.hypot(width, height));
  const out = new Uint8Array(edge * edge).fill(255);
  const at = (x: number, y: number) =>
    x < 0 || y < 0 || x >= width || y >= height ? 255 : (grey[y * width + x] ?? 255);
  for (let row = 0; row < edge; row += 1)
    for (let column = 0; column < edge; column += 1) {
      const [u, v] = [column - edge / 2, row - edge / 2];
      const [x, y] = [u * cos + v * sin + width / 2, v * cos - u * sin + height / 2];
      const [x0, y0] = [Math.floor(x), Math.floor(y)];
      const [fx, fy] = [x - x0, y - y0];
      out[row * edge + column] =
        (at(x0, y0) * (1 - fx) + at(x0 + 1, y0) * fx) * (1 - fy) +
        (at(x0, y0 + 1) * (1 - fx) + at(x0 + 1, y0 + 1) * fx) * fy;
    }
  return { width: edge, height: edge, grey: out };
}
