import type { Note } from '../registry/paper-rules.ts';

/** Every sentence of the English sheet that goes with a receipt. An authority's rules put its own in their place. */
export type CompanionWording = {
  readonly title: string;
  readonly introduction: string;
  readonly legalNote: string;
  readonly advice: readonly Note[];
  readonly qrCaption: string;
  /** Where the Japanese paper, not this one, is what counts. */
  readonly standing: string;
};

export const COMPANION_WORDING: CompanionWording = {
  title: 'Receipt of a Partnership Oath',
  introduction:
    'The two people named below have sworn before this authority that they are partners for life and support each other in their daily lives. The authority has received their oath and issued a receipt, to which this sheet is a companion.',
  legalNote:
    'A partnership oath is not a marriage under Japanese law. It confers no legal status as relatives and no right of succession or other effect in law.',
  advice: [
    {
      heading: 'Please do not tell anyone else',
      text: 'What you read here, these two people chose to tell you. Do not pass it on, to family or employer or anybody else, and make no copies, unless they agree.',
    },
    {
      heading: 'How to check it',
      text: 'Scan the code. The page that opens says whether the receipt is valid today. It costs nothing and needs no account. The code contains no name, and the authority does not learn who asked.',
    },
    {
      heading: 'What it does not tell you',
      text: 'It does not show that the person before you is the one who is named: look at an identity document with a photograph. It says nothing of address, family register, sex or orientation; please do not ask.',
    },
  ],
  qrCaption: 'Scan to see whether the receipt is valid today',
  standing: 'This sheet explains the Japanese receipt and is valid only together with it.',
};

export const COMPANION_LABELS = {
  partners: 'Partners',
  born: 'born',
  oathDate: 'Oath sworn on',
  firstOath: 'First oath',
  at: 'at',
  family: 'Family members',
  number: 'Receipt number',
  issuedOn: 'Issued on',
  authority: 'Authority',
  scheme: 'Scheme',
} as const;
