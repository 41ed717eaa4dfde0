import type { NotReadyCause } from '../kernel/refusal.ts';
import { caseAdvice } from '../transfer/case-advice.ts';
import type { ProblemWords } from './problem.ts';
import { ruleWords } from './rule-words.ts';

const ROLE_WORDS: Readonly<Record<string, string>> = {
  partner: '宣誓者ご本人',
  clerk: '窓口担当者',
  approver: '決裁者',
  administrator: '管理者',
  auditor: '監査担当者',
  coordinator: '連携調整担当者',
};

const NOT_READY_WORDS: Readonly<Record<NotReadyCause, string>> = {
  database: 'データベース database',
  own_trust_chain: '自らの連携への参加と協定の確認 own_trust_chain',
  own_status_list: '自らの状態一覧 own_status_list',
  print_shop: 'PDF の作成 print_shop',
  closing: '終了中でないプロセス closing',
  presentation_key_missing: 'ウォレットに照会する鍵 presentation_key_missing',
  origin_not_known: '転出元の情報 origin_not_known',
  import_running: '実行中の取り込みの完了 import_running',
};

const roles = (list: readonly string[]) => list.map((role) => ROLE_WORDS[role] ?? role).join('・');
const listed = (list: readonly string[]) => list.join('、');
const positions = (list: readonly string[]) =>
  list.map((position) => (position === 'first' ? 'お一人目' : 'お二人目')).join('・');

/** Problems in Japanese: what is wrong, and what to do. */
export const PROBLEM_WORDS_JA: ProblemWords = {
  request_malformed: (fault) => ({
    title: '送られた内容の形が正しくありません',
    wrong: `${fault.pointer === '' ? '送られた内容' : `「${fault.pointer}」`}は、${ruleWords(fault, 'ja')}。`,
    toDo: 'その項目を直して、もう一度送ってください。',
  }),
  request_too_large: ({ limitBytes }) => ({
    title: '送られた内容が大きすぎます',
    wrong: `この操作で受け取れる大きさは${limitBytes}バイトまでです。`,
    toDo: '内容を小さくするか、分けて送ってください。',
  }),
  request_too_slow: () => ({
    title: '通信に時間がかかりすぎました',
    wrong: '決められた時間内に内容を受け取れませんでした。',
    toDo: '通信の状態を確かめて、もう一度送ってください。',
  }),
  media_type_unsupported: ({ accepted }) => ({
    title: 'この形式は受け取れません',
    wrong: `Content-Type（文字コードはUTF-8のみ）が受け取れる形式ではありません。受け取れる形式: ${listed(accepted)}。`,
    toDo: 'Content-Typeと本文の形式を合わせて送ってください。',
  }),
  representation_unavailable: ({ offered }) => ({
    title: 'ご希望の形式ではお返しできません',
    wrong: `お返しできる形式は次のとおりです: ${listed(offered)}。`,
    toDo: 'Acceptをいずれかに合わせて送ってください。',
  }),
  route_not_found: () => ({
    title: 'ページまたは操作が見つかりません',
    wrong: 'このアドレスには何もありません。',
    toDo: 'アドレスを確かめてください。操作の一覧はopenapi.yamlにあります。',
  }),
  method_not_allowed: ({ allowed }) => ({
    title: 'このアドレスでは使えないメソッドです',
    wrong: `使えるメソッドは次のとおりです: ${listed(allowed)}。`,
    toDo: 'メソッドを直して送ってください。',
  }),
  too_many_requests: ({ retryAfterSeconds }) => ({
    title: '試行の回数が多すぎます',
    wrong: '短い時間に何度も送られたため、いまは受け付けられません。',
    toDo: `${retryAfterSeconds}秒たってから、もう一度お試しください。`,
  }),
  session_missing: () => ({
    title: 'ログインが必要です',
    wrong: 'この操作にはログインが必要ですが、ログインの情報がありません。',
    toDo: 'ログインしてから、Authorization: Bearer を付けて送ってください。',
  }),
  session_invalid: () => ({
    title: 'ログインの有効期限が切れているか、正しくありません',
    wrong: 'ログインの情報を確認できませんでした。',
    toDo: 'もう一度ログインしてください。',
  }),
  role_insufficient: ({ roles: needed }) => ({
    title: 'この操作をする権限がありません',
    wrong: `この操作ができるのは${roles(needed)}です。`,
    toDo: '権限のある方に依頼するか、その方のログインでやり直してください。',
  }),
  login_code_invalid: () => ({
    title: 'ログインコードが正しくありません',
    wrong: 'コードが違うか、使用済みか、期限が切れています。',
    toDo: '入力を確かめてください。入れない場合は、窓口で新しいコードを受け取ってください。',
  }),
  record_not_found: () => ({
    title: '記録が見つかりません',
    wrong: 'その番号の記録がないか、閲覧できる記録ではありません。',
    toDo: '番号を確かめてください。',
  }),
  idempotency_key_missing: () => ({
    title: 'Idempotency-Keyが必要です',
    wrong: 'この操作には、8～128文字の表示できるASCII文字によるIdempotency-Keyヘッダーが必要です。',
    toDo: '操作ごとに新しい値を作って付けてください。同じ操作をやり直すときは同じ値を使います。',
  }),
  idempotency_key_reused: () => ({
    title: 'Idempotency-Keyが別の内容で使われています',
    wrong: 'このIdempotency-Keyは、異なる内容の操作ですでに使われました。',
    toDo: '新しい操作には新しい値を使ってください。',
  }),
  requirements_unmet: () => ({
    title: '要件を満たしていません',
    wrong:
      '宣誓の日に適用される要件のうち、満たされていないもの、または確認できないものがあります（unmet）。何も登録していません。',
    toDo: 'それぞれの要件について、示された書類や手続きをご用意ください。',
  }),
  rules_not_in_force: ({ on }) => ({
    title: 'その日に適用される要件がありません',
    wrong: `${on}には、この自治体の制度がまだ始まっていないか、終わっています。`,
    toDo: '日付を確かめてください。',
  }),
  already_registered: () => ({
    title: '登録できません',
    wrong: 'すでに有効な登録があるため、新しく登録できません。',
    toDo: '既存の登録を確かめてください。終了の手続きの後であれば登録できます。',
  }),
  residence_not_proven: () => ({
    title: '転入の証明がまだありません',
    wrong: '宣誓のときに予定されていた転入が、まだ確認されていません。',
    toDo: '転入後の住所がわかる書類を確認し、「転入の証明」の手続きを先に済ませてください。',
  }),
  my_number_suspected: ({ pointer }) => ({
    title: '12桁の番号は記録できません',
    wrong: `「${pointer}」に12桁の数字があります。個人番号（マイナンバー）は、この手続きでは収集も記録もできません。`,
    toDo: '番号を消してから、もう一度送ってください。個人番号の記載された書類は、番号を隠した写しをお使いください。',
  }),
  consent_of_child_missing: ({ pointer }) => ({
    title: 'お子さまの同意が確認できません',
    wrong: `「${pointer}」の方の同意が記録されていません。制度で定める年齢（多くは15歳）以上の方はご本人の署名、それより年少の方は親としての同意が必要です。`,
    toDo: '同意を確認して記録するか、ご家族の記載を外してください。',
  }),
  family_not_named: ({ pointer }) => ({
    title: 'この制度では記載できないご家族です',
    wrong: `「${pointer}」の続柄の方は、この自治体の受領証に記載できません。`,
    toDo: 'そのご家族の記載を外してください。',
  }),
  rule_change_faulty: ({ faults }) => ({
    title: '要件台帳に誤りがあります',
    wrong: `このままでは台帳に抜け・重なり・誤りが${faults.length}か所できます（faults）。何も保存していません。`,
    toDo: 'それぞれの箇所を直して、もう一度起案してください。',
  }),
  rule_change_outdated: ({ changed }) => ({
    title: '起案の後に台帳が変わりました',
    wrong: `同じ項目がその後の変更で書き換えられています: ${listed(changed)}。`,
    toDo: 'いまの台帳を読み直し、その内容に合わせて起案し直してください。',
  }),
  rule_change_state_conflict: ({ state, allowed }) => ({
    title: 'すでに決裁されています',
    wrong: `要件変更の状態は「${state}」です。決裁できる状態: ${listed(allowed)}。`,
    toDo: '必要であれば、新しく起案してください。',
  }),
  procedure_state_conflict: ({ state, allowed }) => ({
    title: 'いまの手続きの状態ではできません',
    wrong: `手続きの状態は「${state}」です。この操作ができる状態: ${listed(allowed)}。`,
    toDo: '手続きを読み直して、次にすることを確かめてください。',
  }),
  procedure_not_possible: ({ state, allowed }) => ({
    title: 'この登録ではその手続きはできません',
    wrong: `登録の状態は「${state}」です。この手続きができる登録の状態: ${listed(allowed)}。`,
    toDo: '登録の状態を確かめ、その状態でできる手続きを選んでください。',
  }),
  procedure_incomplete: ({ pointer, rule, allowed }) => ({
    title: '記載が足りないか、正しくありません',
    wrong: `「${pointer}」が${ruleWords({ pointer, rule, ...(allowed === undefined ? {} : { allowed }) }, 'ja')}。下書きはそのまま残っています。`,
    toDo: 'その項目を直してから、もう一度提出してください。',
  }),
  form_expired: ({ currentVersion }) => ({
    title: '様式が古くなっています',
    wrong: `記入された様式は、いまは使われていません。いまの様式の版は「${currentVersion}」です。下書きはそのまま残っています。`,
    toDo: 'いまの様式に書き写して、もう一度提出してください。',
  }),
  signature_missing: ({ positions: missing }) => ({
    title: '署名がそろっていません',
    wrong: `${positions(missing)}の署名がまだありません。`,
    toDo: 'ご本人がログインして署名するか、署名された書面を窓口で記録してください。',
  }),
  hearing_missing: () => ({
    title: '弁明の機会の記録がありません',
    wrong: '取消しの前に、お二人に弁明の機会を設けたことが記録されていません。',
    toDo: '弁明の機会を設け、その結果を手続きの内容に記録してください。',
  }),
  appointment_too_soon: ({ earliestOn }) => ({
    title: '予約の期限を過ぎています',
    wrong: `その日の予約はもうできません。最も早い日は${earliestOn}です。`,
    toDo: `${earliestOn}以降の開庁日を選んでください。`,
  }),
  appointment_on_closed_day: ({ earliestOn }) => ({
    title: '閉庁日です',
    wrong: 'その日は閉庁日か、受付時間の外です。',
    toDo: `${earliestOn}以降の開庁日の受付時間を選んでください。`,
  }),
  appointment_taken: () => ({
    title: 'その時間は予約できません',
    wrong: 'その時間はすでに予約されています。',
    toDo: '別の時間を選んでください。',
  }),
  case_not_open: ({ state, allowed }) => ({
    title: '進行中の案件ではありません',
    wrong: `案件の状態は「${state}」です。重複確認ができる状態: ${listed(allowed)}。`,
    toDo: '進行中の案件から確認してください。',
  }),
  register_unreadable: ({ rule, allowed }) => ({
    title: '台帳ファイルを読めません',
    wrong: `ファイルが${ruleWords({ pointer: '', rule, ...(allowed === undefined ? {} : { allowed }) }, 'ja')}。何も保存していません。`,
    toDo: 'CSV（UTF-8またはShift_JIS）かxlsxで、1行目に見出しのあるファイルを送ってください。',
  }),
  mapping_incomplete: ({ faults }) => ({
    title: '列の対応づけが足りないか、正しくありません',
    wrong: `対応づけに${faults.length}か所の誤りがあります（faults）。`,
    toDo: '必要な項目すべてに、ファイルにある見出しを一つずつ対応づけてください。',
  }),
  import_state_conflict: ({ state, allowed }) => ({
    title: 'いまの取込みの状態ではできません',
    wrong: `取込みの状態は「${state}」です。この操作ができる状態: ${listed(allowed)}。`,
    toDo: '取込みを読み直して、次にすることを確かめてください。',
  }),
  import_has_faults: ({ rows }) => ({
    title: '誤りのある行があります',
    wrong: `${rows}行に誤りがあります。何も登録していません。`,
    toDo: '報告された行を直して出し直すか、「誤りのある行を除く」を選んでください。',
  }),
  document_not_printable: ({ pointers }) => ({
    title: '印刷できない文字があります',
    wrong: `使えるフォントにない文字が含まれています: ${listed(pointers)}。文字を置き換えて印刷することはしません。`,
    toDo: 'その文字のあるフォントを管理者に追加してもらってください。',
  }),
  document_does_not_fit: () => ({
    title: '用紙に収まりません',
    wrong: '記載が長く、この用紙に収まりません。',
    toDo: 'A4の受領証を選んでください。それでも収まらないときは窓口にご相談ください。',
  }),
  format_not_offered: ({ format, offered }) => ({
    title: 'この形では交付していません',
    wrong: `交付日の定めでは、この自治体の受領証を「${format}」の形では交付していません。`,
    toDo: `次の形（format）から選んでください: ${listed(offered)}。`,
  }),
  export_not_approved: () => ({
    title: '全件出力が許可されていません',
    wrong: 'この出力はまだ決裁されていないか、許可の期限（24時間）が過ぎています。',
    toDo: '決裁者に依頼してください。',
  }),
  export_state_conflict: ({ state, allowed }) => ({
    title: 'いまの出力申請の状態ではできません',
    wrong: `申請の状態は「${state}」です。この操作ができる状態: ${listed(allowed)}。`,
    toDo: '必要であれば、新しく申請してください。',
  }),
  oauth_refused: ({ error }) => ({
    title: 'ウォレットとの通信が受け付けられません',
    wrong: `ウォレットとの通信を確認できませんでした（${error}）。`,
    toDo: 'ウォレットで初めからやり直してください。',
  }),
  registration_state_conflict: ({ state, allowed }) => ({
    title: 'いまの登録の状態ではできません',
    wrong: `登録の状態は「${state}」です。この操作ができる状態: ${listed(allowed)}。`,
    toDo: '登録を読み直して、いまの状態でできる手続きを選んでください。',
  }),
  certificate_state_conflict: ({ state, allowed }) => ({
    title: 'いまの受領証の状態ではできません',
    wrong: `受領証の状態は「${state}」です。この操作ができる状態: ${listed(allowed)}。`,
    toDo: '受領証の状態を確かめてください。',
  }),
  transfer_state_conflict: ({ state, allowed }) => ({
    title: 'いまの継続手続きの状態ではできません',
    wrong: `手続きの状態は「${state}」です。この操作ができる状態: ${listed(allowed)}。`,
    toDo: caseAdvice(state).ja,
  }),
  other_way_of_case: ({ byPost }) => ({
    title: 'この案件の進め方と違います',
    wrong: byPost
      ? '転出元にはノードがなく、手紙で確かめる案件です。受領証は紙です。'
      : '転出元にノードがある案件です。受領証は検証し、手紙は出しません。',
    toDo: byPost
      ? '紙の受領証の内容を記録し（paper-consents）、手紙と返事を記録してください。'
      : '受領証を示す同意（consents）を使ってください。',
  }),
  answer_not_confirmed: ({ answer }) => ({
    title: '転出元は宣誓を確認していません',
    wrong: `記録された返事は「${answer}」です。継続できるのは「confirmed」だけです。`,
    toDo: '継続を認めない決定をしてください。お二人に新たな宣誓をご案内します。記録の誤りなら、記録し直してください。',
  }),
  filing_not_at_origin: ({ models }) => ({
    title: 'この引っ越しの届出は、ここではできません',
    wrong: `その自治体との間に、転出元で届け出る取決めがありません。両者の取決め: ${listed(models)}。`,
    toDo: '転入先で継続を申告するか（continuation_at_destination）、新たに宣誓してください。転居前診断で確かめられます。',
  }),
  another_transfer_open: ({ transferId }) => ({
    title: '同じ登録の別の引継ぎが進んでいます',
    wrong: `この受領証で始めた手続き「${transferId}」が、まだ終わっていません。`,
    toDo: '先にその手続きを終えるか取り下げてください。取り下げてこの手続きを進めるときは、そのように指定してもう一度同意してください（withdrawOther）。',
  }),
  certificate_not_accepted: ({ pointer, check, reason }) => ({
    title: 'この受領証では手続きできません',
    wrong: `「${pointer}」の受領証は、確認項目「${check}」を通りませんでした（${reason}）。`,
    toDo: '有効な受領証を提示してください。お心当たりがないときは、発行した自治体にお問い合わせください。',
  }),
  certificates_do_not_match: ({ pointer }) => ({
    title: 'お二人の受領証が一致しません',
    wrong: `「${pointer}」の受領証は、もうお一人の受領証と同じ登録のものではありません。`,
    toDo: 'お二人それぞれの、同じ登録の受領証を提示してください。',
  }),
  certificate_of_this_authority: () => ({
    title: 'この自治体が発行した受領証です',
    wrong: '継続の手続きは、ほかの自治体が発行した受領証で行います。',
    toDo: 'この自治体の中での転居であれば、住所変更の手続きをしてください。',
  }),
  continuation_not_possible: () => ({
    title: '継続の手続きはできません',
    wrong: 'この自治体の要件のうち、満たされていないもの、または確認できないものがあります（unmet）。',
    toDo: '示された書類や手続きをご用意ください。継続できない場合は、新しく宣誓することができます。',
  }),
  consent_text_outdated: ({ currentVersion }) => ({
    title: '同意の文面が新しくなっています',
    wrong: `表示された文面は最新ではありません。最新の版は「${currentVersion}」です。`,
    toDo: '最新の文面を読み、あらためて同意してください。',
  }),
  consent_missing: ({ positions: missing }) => ({
    title: 'お二人の同意がそろっていません',
    wrong: `${positions(missing)}の同意がまだありません。`,
    toDo: 'ご本人がログインして同意するか、署名された書面を窓口で記録してください。',
  }),
  same_person_decides: () => ({
    title: '同じ職員が受付と決裁をすることはできません',
    wrong: 'この案件を受け付けた職員は、決裁できません。',
    toDo: '別の決裁者に依頼してください。',
  }),
  peer_message_refused: ({ reason }) => ({
    title: 'この通信は受け付けられません',
    wrong: `自治体間の通信として確認できませんでした（${reason}）。何も変更していません。`,
    toDo: '通信を作り直して送ってください。',
  }),
  peer_unknown: () => ({
    title: '加盟していない自治体からの通信です',
    wrong: '送信元は、この自治体が確認できる加盟自治体ではありません。',
    toDo: '加盟の状況と署名の鍵を確かめてください。',
  }),
  peer_not_in_agreement: ({ state, since, successor }) => ({
    title: 'その自治体とは新しく継続の手続きを始められません',
    wrong: {
      suspended: `その自治体との連携は${since}から停止中です。`,
      left: `その自治体は${since}に自治体間連携から離脱しました。`,
      merged: `その自治体は${since}に合併または移行しました。`,
    }[state],
    toDo:
      state === 'suspended'
        ? '再開後にもう一度お手続きください。お急ぎのときは、この自治体での新しい宣誓をご案内ください。'
        : successor
          ? `登録を引き継いだ${successor.ja}を継続元に選んでください。`
          : 'この自治体での新しい宣誓をご案内ください。交付済みの受領証はこれまでどおり確認できます。',
  }),
  node_quarantined: ({ unanswered }) => ({
    title: 'この自治体は、失われた記録を確かめています',
    wrong: `データベースが復元されたため、すでに引き継いだ登録がないかを他のすべての加盟自治体に問い合わせています。その間は何も変更しません。${
      unanswered.length > 0 ? `回答を待っている自治体：${unanswered.join('、')}。` : ''
    }何も保存されていません。受領証の検証は通常どおりできます。`,
    toDo: '数分後にもう一度お試しください。長く続くときは、管理者が /v1/network/quarantine で未回答の自治体を確かめ、管理者二人の判断で回答を待たずに再開できます。',
  }),
  waiver_state_conflict: ({ state, allowed }) => ({
    title: 'いまの状態ではできません',
    wrong: `現在の状態は「${state}」です。できるのは次の状態のときです：${allowed.join('、')}`,
    toDo: '隔離の状態を確かめ直してください。',
  }),
  waiver_not_possible: ({ allowed }) => ({
    title: '回答を待たない扱いにできない自治体が含まれています',
    wrong: `まだ回答していない自治体だけを指定できます：${allowed.join('、') || 'ありません'}`,
    toDo: '未回答の自治体だけを指定してください。',
  }),
  not_ready: ({ retryAfterSeconds, cause }) => ({
    title: 'ただいま準備中です',
    wrong: `この処理に必要なもの（${NOT_READY_WORDS[cause]}）がまだそろっていません。`,
    toDo: `${retryAfterSeconds}秒ほどたってから、もう一度お試しください。`,
  }),
};
