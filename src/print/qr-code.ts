import QRCode from 'qrcode';
import { PrintFault } from './print-fault.ts';

/** A token of 300 characters and the page's address. */
export const MAX_ADDRESS_LENGTH = 330;

/** Five dots of a printer with 300 dpi. Below 0.4 mm telephones begin to fail (Denso Wave: four dots at least). */
const MODULE_MM = 0.42;
/** The white frame that a reader needs round the code (ISO/IEC 18004 §9.1). */
const QUIET_MODULES = 4;

export type QrCode = {
  /** Edge of the square with its white frame. */
  readonly edgeMm: number;
  /** One black path; sharp at any size. */
  readonly svg: string;
};

/**
 * The QR code of a paper address, error correction M (15 % of the code may be lost).
 *
 * @throws PrintFault `address_not_printable` where it is too long, or not written in visible ASCII
 */
export function qrCode(address: string): QrCode {
  if (address.length > MAX_ADDRESS_LENGTH || !/^https?:\/\/[\x21-\x7e]+$/.test(address))
    throw new PrintFault('address_not_printable');
  const { modules } = QRCode.create(address, { errorCorrectionLevel: 'M' });
  const edge = modules.size + 2 * QUIET_MODULES;
  const rows = Array.from({ length: modules.size }, (_, row) => rowPath(modules, row));
  return {
    edgeMm: edge * MODULE_MM,
    svg: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${edge} ${edge}"><path fill="#000" d="${rows.join('')}"/></svg>`,
  };
}

/** Dark modules beside each other are one bar: fewer points, and no hair lines between them. */
function rowPath(modules: { size: number; get(row: number, column: number): number }, row: number): string {
  let path = '';
  for (let column = 0; column < modules.size; column += 1) {
    if (!modules.get(row, column)) continue;
    const from = column;
    while (column + 1 < modules.size && modules.get(row, column + 1)) column += 1;
    path += `M${from + QUIET_MODULES} ${row + QUIET_MODULES}h${column - from + 1}v1H${from + QUIET_MODULES}z`;
  }
  return path;
}
