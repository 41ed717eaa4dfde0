import { AxeBuilder } from '@axe-core/playwright';
import type { BrowserContext, Page } from 'playwright-core';
import QRCode from 'qrcode';
import t, { type Test } from 'tap';
import { signPaperToken } from '../../src/certificate/paper-token.ts';
import type { AuthorityCode } from '../../src/kernel/authority.ts';
import { isEverydayName } from '../../src/print/everyday-name.ts';
import { openPrintShop } from '../../src/print/print-shop.ts';
import { aRegisteredCouple } from '../app/a-couple.ts';
import { aKeyRing, aNetwork, aKey as anIdempotencyKey, becomesTrue } from '../app/a-network.ts';
import { DIFFICULT, LOOKALIKES } from '../print/difficult-names.ts';
import { IPAMJ_FOLDER, without } from '../print/needed-programs.ts';
import { difference, inked, inkOf } from '../print/raster.ts';
import { aBrowser, aPage, CHROMIUM, greyOf, inPage, type Watched } from './a-browser.ts';

const skip = without(CHROMIUM, IPAMJ_FOLDER);
/** A character that no font has: on a screen the box that stands for nothing. */
const NOWHERE = '\u{10FFFD}';

if (skip) t.pass(skip);
else await testAll();

async function testAll(): Promise<void> {
  const network = await aNetwork(t, ['sakai', 'hirakata'], { fontFolders: [IPAMJ_FOLDER] });
  const { sakai, hirakata } = network.nodes;
  const browser = await aBrowser(t);
  const couple = await aRegisteredCouple(hirakata, { first: { registeredName: '渡邉\u{E0110} 𠮷子' } });
  const { paperToken, sdJwtVc } = couple.certificates.first;
  const inContext = async (
    t: Test,
    options: Parameters<typeof browser.newContext>[0] = {},
  ): Promise<Watched & { context: BrowserContext }> => {
    const context = await browser.newContext(options);
    t.teardown(() => context.close());
    return { context, ...(await aPage(context)) };
  };

  t.test('whoever scans the code on paper sees a verdict, and the token goes nowhere else', async (t) => {
    const { context, page, asked, complaints } = await inContext(t);
    const linesBefore = network.lines.length;
    await page.goto(`${sakai.address}/v#${paperToken}`);
    t.equal(await verdictOf(page), '確認の結果有効です');
    t.equal(page.url(), `${sakai.address}/v`, 'the address no longer has the token');
    t.equal(
      await inPage(page, '() => document.activeElement.id'),
      'result',
      'a screen reader is led to the verdict',
    );
    t.same(await outcomesOf(page), {
      form: 'passed',
      issuer: 'passed',
      type: 'not_applicable',
      agreement: 'passed',
      signature: 'passed',
      period: 'passed',
      status: 'passed',
      key_binding: 'not_applicable',
    });
    const text = await page.innerText('main');
    t.match(text, /失効情報の時点 \d{4}年\d+月\d+日 \d+:\d\d（オンライン）/);
    t.match(text, /写真つきの本人確認書類/, 'whose it is must be seen from a photograph');
    t.match(text, /婚姻と同じ法的な効力はありません/);
    t.match(text, /ほかの人に話さないでください/);
    await inPage(page, '() => navigator.serviceWorker.ready.then(() => true)');
    t.ok(asked.length > 10, 'requests were seen');
    t.same(
      asked.filter((each) => !each.split(' ')[1]?.startsWith(`${sakai.address}/`)),
      [],
      'no third host, and not the issuer',
    );
    const [secret = ''] = paperToken.split('.').slice(-1);
    t.same(
      asked.filter((each) => each.includes(secret)),
      [],
      'no address has the token',
    );
    const lines = network.lines.slice(linesBefore).join('\n');
    t.match(lines, /"route":"\/v"/, 'the page was logged by its route');
    t.notOk(lines.includes(secret), 'no line of the log has the token');
    t.same(await context.cookies(), []);
    t.same(complaints, [], 'the policy for content was kept');
  });

  t.test('what is forged, revoked or of a stranger is told as not valid, and why is not', async (t) => {
    const { page } = await inContext(t);
    const revoked = await aRegisteredCouple(hirakata);
    const answer = await hirakata.call(
      'POST',
      `/v1/registrations/${revoked.registrationId}/certificates/${revoked.certificates.first.certificateId}/revocation`,
      { token: hirakata.token('clerk'), key: anIdempotencyKey(), body: { reason: 'lost' } },
    );
    t.equal(answer.status, 200);
    const isRevoked = async () =>
      (
        await sakai.call('POST', '/v1/verifications', {
          body: { certificate: revoked.certificates.first.paperToken },
        })
      ).body.verdict === 'invalid';
    await becomesTrue(isRevoked);
    const now = Math.floor(Date.now() / 1000);
    const ofStranger = await signPaperToken(
      { authorityCode: '131130' as AuthorityCode, idx: 1, issuedAt: now - 60, expiresAt: now + 86_400 },
      aKeyRing().certificate,
      () => new Uint8Array(12),
    );
    const [head, payload] = paperToken.split('.');
    for (const [name, token, check] of [
      ['forged', `${head}.${payload}.${'A'.repeat(86)}`, 'signature'],
      ['revoked', revoked.certificates.first.paperToken, 'status'],
      ['of a stranger', ofStranger, 'issuer'],
    ] as const) {
      await page.goto('about:blank');
      await page.goto(`${sakai.address}/v/en#${token}`);
      t.equal(await verdictOf(page), 'ResultNot valid', name);
      t.equal((await outcomesOf(page))[check], 'failed', `${name}: ${check}`);
      t.notMatch(await page.innerText('main'), /Hirakata|枚方|until/, `${name}: no place is named`);
    }
  });

  t.test(
    'a certificate can be pasted, chosen as PDF, dropped, or shown as a picture of its code',
    async (t) => {
      const { page, complaints } = await inContext(t);
      const printed = await fetch(
        `${hirakata.address}/v1/registrations/${couple.registrationId}/certificates/${couple.certificates.first.certificateId}/print?purpose=issue`,
        { headers: { authorization: `Bearer ${hirakata.token('clerk')}` } },
      );
      const pdf = Buffer.from(await printed.arrayBuffer());
      const png = await QRCode.toBuffer(`https://elsewhere.example/v#${paperToken}`, { scale: 6 });
      await page.goto(`${sakai.address}/v`);
      const again = async () => {
        await page.click('.again button');
        t.equal(await page.inputValue('textarea'), '', 'nothing is left in the field');
        t.notMatch(await page.innerText('#app'), /子|有効です/, 'nothing is left on the page');
      };

      await page.fill('textarea', `${sdJwtVc.slice(0, 90)}\n ${sdJwtVc.slice(90)}\n`);
      await page.click('form button');
      t.match(await verdictOf(page), /有効です/, 'pasted, with the line breaks of a mail');
      t.equal(await page.textContent('bdi[data-pointer="/registered_name"]'), '渡邉\u{E0110} 𠮷子');
      await again();

      await page.setInputFiles('input[type=file]', {
        name: 'a.pdf',
        mimeType: 'application/pdf',
        buffer: pdf,
      });
      t.match(await verdictOf(page), /有効です/, 'a PDF chosen');
      t.equal(
        await page.textContent('bdi[data-pointer="/registered_name"]'),
        '渡邉\u{E0110} 𠮷子',
        'the attached certificate is read, not only the code',
      );
      await again();

      await inPage(
        page,
        `(base64) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([Uint8Array.fromBase64(base64)], 'a.pdf', { type: 'application/pdf' }));
        const drop = new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true });
        document.querySelector('.drop').dispatchEvent(drop);
      }`,
        pdf.toString('base64'),
      );
      t.match(await verdictOf(page), /有効です/, 'a PDF dropped');
      await again();

      await page.setInputFiles('input[type=file]', { name: 'a.png', mimeType: 'image/png', buffer: png });
      t.match(await verdictOf(page), /有効です/, 'a picture of the code, whosever address it has');
      await again();

      await page.setInputFiles('input[type=file]', {
        name: 'a.txt',
        mimeType: 'text/plain',
        buffer: Buffer.from('?'),
      });
      t.match(await page.textContent('[role=alert]'), /このファイルからは受領証を読み取れませんでした/);
      await page.fill('textarea', '  ');
      await page.click('form button');
      t.match(await page.textContent('[role=alert]'), /確認するものがありません/);
      await page.fill('textarea', 'a'.repeat(40_000));
      await page.click('form button');
      await page.getByText('文字列が長すぎる').waitFor();
      t.same(
        complaints.filter((each) => !each.includes('400')),
        [],
      );
    },
  );

  t.test('the camera reads the code on paper', async (t) => {
    const video = t.testdir({ 'code.y4m': aVideoOf(`https://elsewhere.example/v#${paperToken}`) });
    const withCamera = await aBrowser(t, [
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
      `--use-file-for-fake-video-capture=${video}/code.y4m`,
    ]);
    const { page } = await aPage(await withCamera.newContext());
    await page.goto(`${sakai.address}/v`);
    await page.click('.way button');
    t.match(await verdictOf(page), /有効です/);
    t.equal(await page.locator('video').count(), 0, 'the camera is off');
    const blind = await inContext(t);
    await blind.page.goto(`${sakai.address}/v`);
    await blind.page.click('.way button');
    t.match(await blind.page.textContent('[role=alert]'), /カメラを使えませんでした/);
  });

  t.test('each difficult name stands on the screen as itself', async (t) => {
    const { page } = await inContext(t, { viewport: { width: 800, height: 900 } });
    const shop = openPrintShop({ fontFolders: [IPAMJ_FOLDER] });
    t.teardown(() => shop.close());
    await page.goto(`${sakai.address}/v`);
    for (let at = 0; at < DIFFICULT.length; at += 2) {
      const names = DIFFICULT.slice(at, at + 2);
      const [first, second] = names;
      const { certificates } = await aRegisteredCouple(hirakata, {
        first: { registeredName: first },
        second: { registeredName: second, alias: undefined },
      });
      await page.fill('textarea', certificates.first.sdJwtVc);
      await page.click('form button');
      await verdictOf(page);
      for (const [name, pointer] of [
        [first, '/registered_name'],
        [second, '/partner_name'],
      ] as const) {
        const nth = at + (pointer === '/registered_name' ? 0 : 1);
        const text = page.locator(`bdi[data-pointer="${pointer}"]`);
        t.ok(
          (await text.textContent()) === name,
          `difficult name ${nth} is in the page, code point by code point`,
        );
        t.equal(await text.getAttribute('lang'), 'ja');
        const isPlain = isEverydayName(name ?? '');
        const shown = isPlain ? text : page.locator(`img[data-pointer="${pointer}"]`);
        await shown.waitFor();
        const look = async () => inked(await greyOf(page, await shown.screenshot()));
        const drawn = await look();
        const other = LOOKALIKES.find(([one]) => one === name)?.[1] ?? NOWHERE;
        if (isPlain)
          await inPage(
            page,
            `({ pointer, other }) => document.querySelector('bdi[data-pointer="' + pointer + '"]').replaceChildren(other)`,
            { pointer, other },
          );
        else await showPicture(page, pointer, await svgOf(other));
        const lookalike = await look();
        if (!drawn || !lookalike) {
          t.fail(`difficult name ${nth} is not drawn`);
          continue;
        }
        t.ok(inkOf(drawn) > 100, `difficult name ${nth} has ink`);
        t.ok(difference(drawn, lookalike) > 0.02, `difficult name ${nth} is told apart`);
      }
      await page.click('.again button');
    }

    async function svgOf(name: string): Promise<string> {
      // What no font has is a blank to the shop; any other name will do to differ from.
      const drawable = name === NOWHERE ? '見本' : name;
      return (await shop.render({ template: 'name', name: drawable })).toString();
    }
  });

  t.test('without a connection the page checks by itself, and says how old its knowledge is', async (t) => {
    const alone = await aNetwork(t, ['daito']);
    const { daito } = alone.nodes;
    const theirs = await aRegisteredCouple(daito);
    const { context, page } = await inContext(t);
    await page.goto(`${daito.address}/v`);
    await inPage(page, '() => navigator.serviceWorker.ready.then(() => true)');
    // Once it is there the page asks again, so that what was issued since is known too.
    await becomesTrue(() =>
      inPage(page, "async () => (await caches.match('/v1/trust-bundle')) !== undefined"),
    );
    await inPage(page, "() => fetch('/v1/trust-bundle').then(() => true)");
    await daito.close();
    await context.setOffline(true);
    await page.goto('about:blank');
    await page.goto(`${daito.address}/v#${theirs.certificates.first.paperToken}`);
    t.equal(await verdictOf(page), '確認の結果有効です');
    t.match(await page.innerText('main'), /失効情報の時点 \d{4}年\d+月\d+日 \d+:\d\d（オフライン）/);
    await page.click('.again button');
    await page.fill('textarea', theirs.certificates.second.sdJwtVc);
    await page.click('form button');
    t.equal(await verdictOf(page), '確認の結果有効です', 'a certificate with its items too');
    t.match(await page.innerText('main'), /みほん/);
    await page.click('.again button');
    const [head, payload] = theirs.certificates.first.paperToken.split('.');
    await page.fill('textarea', `${head}.${payload}.${'A'.repeat(86)}`);
    await page.click('form button');
    t.equal(await verdictOf(page), '確認の結果有効ではありません', 'a forgery');
    const png = await QRCode.toBuffer(`https://elsewhere.example/v#${theirs.certificates.first.paperToken}`);
    await page.click('.again button');
    await page.setInputFiles('input[type=file]', { name: 'a.png', mimeType: 'image/png', buffer: png });
    t.equal(await verdictOf(page), '確認の結果有効です', 'the reader of codes was kept too');

    await page.clock.setFixedTime(Date.now() + 86_400_000 + 60_000);
    await page.click('.again button');
    await page.fill('textarea', theirs.certificates.first.paperToken);
    await page.click('form button');
    t.equal(await verdictOf(page), '確認の結果確認できませんでした', 'past the age nothing is valid');
    t.match(await page.innerText('main'), /（オフライン）/);
    await page.goto(`${daito.address}/v1/rule-sets`).then(
      () => t.fail('nothing else was kept'),
      (error: Error) => t.match(error.message, /ERR_/),
    );
  });

  t.test('a device that has kept nothing says that it cannot tell', async (t) => {
    const { context, page } = await inContext(t, { serviceWorkers: 'block' });
    await page.goto(`${sakai.address}/v`);
    await page.waitForSelector('textarea');
    await context.setOffline(true);
    await page.fill('textarea', paperToken);
    await page.click('form button');
    t.match(await page.textContent('[role=alert]'), /つながらず/);
  });

  t.test('the page has no fault of access that a program can find, in any language or state', async (t) => {
    const { page } = await inContext(t);
    const look = async (what: string) => {
      const { violations } = await new AxeBuilder({ page })
        .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
        .analyze();
      t.same(
        violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`),
        [],
        what,
      );
    };
    for (const path of ['/v', '/v/ja-simple', '/v/en']) {
      await page.goto(`${sakai.address}${path}`);
      await page.waitForSelector('textarea');
      await look(`${path}: asking`);
      for (const [what, text] of [
        ['valid', sdJwtVc],
        ['invalid', 'a.b.c'],
      ] as const) {
        await page.fill('textarea', text);
        await page.click('form button');
        await verdictOf(page);
        if (what === 'valid') await page.waitForSelector('img.drawn');
        await look(`${path}: ${what}`);
        await page.click('.again button');
      }
    }
  });

  t.test('the page needs neither a mouse, nor a wide screen', async (t) => {
    const { page } = await inContext(t, { viewport: { width: 320, height: 640 } });
    for (const path of ['/v', '/v/ja-simple', '/v/en']) {
      await page.goto(`${sakai.address}${path}`);
      await page.waitForSelector('textarea');
      const isWithin = () => inPage(page, '() => document.documentElement.scrollWidth <= innerWidth');
      t.ok(await isWithin(), `${path}: 320 px are enough to ask`);
      const reached: (string | undefined)[] = [];
      for (let tabs = 0; tabs < 12 && reached.at(-1) !== 'certificate'; tabs += 1) {
        await page.keyboard.press('Tab');
        reached.push(
          await inPage<string>(page, '() => document.activeElement.id || document.activeElement.tagName'),
        );
      }
      t.same(reached.slice(-3), ['BUTTON', 'file', 'certificate'], `${path}: each way has its stop`);
      await page.keyboard.insertText(sdJwtVc);
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await verdictOf(page);
      await page.waitForSelector('img.drawn');
      t.ok(await isWithin(), `${path}: and for the answer`);
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await page.waitForSelector('textarea');
      t.equal(
        await inPage(page, '() => document.activeElement.tagName'),
        'BUTTON',
        'one goes on from the beginning',
      );
    }
  });

  t.test('names are drawn for whoever holds a valid certificate, and for nobody else', async (t) => {
    const linesBefore = network.lines.length;
    const ask = (certificate: string) => sakai.call('POST', '/v1/name-pictures', { body: { certificate } });
    const drawn = await ask(sdJwtVc);
    t.same(
      drawn.body.pictures.map(({ pointer }: { pointer: string }) => pointer),
      ['/registered_name'],
      'names that every font has need no picture',
    );
    t.match(drawn.body.pictures[0].svg, /^<svg /);
    t.notMatch(drawn.body.pictures[0].svg, /渡|<script|<style|href="(?!#)/, 'outlines only');
    t.same((await ask(paperToken)).body, { pictures: [] }, 'paper shows no name');
    const forged = await ask(sdJwtVc.replace('.', '.AAAA'));
    t.match(forged, { status: 422, body: { code: 'certificate_not_accepted' } });
    t.notMatch(forged.text, /渡/);
    t.notMatch(network.lines.slice(linesBefore).join(), /渡|registered_name/, 'nothing of it is logged');
  });

  t.test('page and code are sent once, packed, and under a strict policy', async (t) => {
    const { headers, text } = await sakai.call('GET', '/v', { headers: { 'accept-encoding': 'identity' } });
    t.match(headers.get('content-security-policy'), /default-src 'none'.*require-trusted-types-for 'script'/);
    t.notMatch(headers.get('content-security-policy'), /unsafe-inline|'unsafe-eval'|https?:/);
    t.equal(headers.get('referrer-policy'), 'no-referrer');
    t.equal(headers.get('set-cookie'), null);
    t.notMatch(
      text,
      /<style|style="|<script(?! type="module" src="\/v\/code\/)/,
      'no script and no style in the page',
    );
    const again = await sakai.call('GET', '/v', {
      headers: { 'accept-encoding': 'identity', 'if-none-match': headers.get('etag') ?? '' },
    });
    t.same([again.status, again.text], [304, '']);
    const packed = await fetch(`${sakai.address}/v`, { headers: { 'accept-encoding': 'br' } });
    t.equal(packed.headers.get('content-encoding'), 'br');
    t.not(packed.headers.get('etag'), headers.get('etag'), 'other bytes, another tag');
    t.equal(await packed.text(), text);
    const [code = ''] = /\/v\/code\/[^"]+\.js/.exec(text) ?? [];
    const script = await sakai.call('GET', code);
    t.match(script.headers.get('cache-control'), /immutable/);
    t.equal((await sakai.call('GET', code.replace('verify.js', 'nothing.js'))).status, 404);
    t.equal((await sakai.call('GET', '/v/worker.js')).headers.get('service-worker-allowed'), '/v');
  });

  t.test('without JavaScript the page says what to do', async (t) => {
    const { page } = await inContext(t, { javaScriptEnabled: false });
    for (const [path, words] of [
      ['/v', /窓口にお問い合わせください/],
      ['/v/en', /ask the counter of the authority/],
    ] as const) {
      await page.goto(`${sakai.address}${path}`);
      const text = await page.innerText('main');
      t.match(text, words);
      t.match(text, `POST ${sakai.address}/v1/verifications`);
    }
  });
}

async function verdictOf(page: Page): Promise<string | null> {
  await page.waitForSelector('#result');
  return page.textContent('#result');
}

async function outcomesOf(page: Page): Promise<Record<string, string>> {
  return inPage(
    page,
    `() => Object.fromEntries([...document.querySelectorAll('[data-check]')].map(({ dataset }) => [dataset.check, dataset.outcome]))`,
  );
}

async function showPicture(page: Page, pointer: string, svg: string): Promise<void> {
  await inPage(
    page,
    `async ({ pointer, svg }) => {
      const image = document.querySelector('img[data-pointer="' + pointer + '"]');
      image.src = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
      await image.decode();
    }`,
    { pointer, svg },
  );
}

/** A second of film with a code in it, as a camera would see it: YUV4MPEG2, no colour. */
function aVideoOf(text: string): Buffer {
  const [width, height, scale] = [640, 480, 5];
  const { modules } = QRCode.create(text, { errorCorrectionLevel: 'M' });
  const luma = Buffer.alloc(width * height, 235);
  const [left, top] = [width, height].map((edge) => Math.floor((edge - modules.size * scale) / 2)) as [
    number,
    number,
  ];
  for (let y = 0; y < modules.size * scale; y += 1)
    for (let x = 0; x < modules.size * scale; x += 1)
      if (modules.get(Math.floor(y / scale), Math.floor(x / scale))) luma[(top + y) * width + left + x] = 16;
  const frame = Buffer.concat([Buffer.from('FRAME\n'), luma, Buffer.alloc((width * height) / 2, 128)]);
  return Buffer.concat([
    Buffer.from(`YUV4MPEG2 W${width} H${height} F10:1 Ip C420jpeg\n`),
    ...Array.from({ length: 10 }, () => frame),
  ]);
}
