import { SETTINGS } from '../settings.ts';

/** Words of commander's that leave open what to do instead. */
const ADVICE: readonly (readonly [fault: RegExp, advice: string])[] = [
  [/too many arguments for '(?:serve|routes)'/, 'the directory is named by --dir'],
  [
    /too many arguments for 'explain'/,
    "the request is one word, in quotes: 'GET https://shop.example.com/cart'; the directory is named by --dir",
  ],
  [/too many arguments for 'check'/, 'it takes one directory at a time'],
];

/** `--kubernetes=yes`, as one would write it in a file. */
const WITH_VALUE = /unknown option '--([\w-]+)=/;

/** What commander says is wrong with a command line, and, where that is not plain, what to write. */
export function withAdvice(text: string): string {
  const flag = WITH_VALUE.exec(text)?.[1];
  const standsAlone = SETTINGS.some((setting) => setting.alone === true && setting.flag === flag);
  const advice = standsAlone ? `--${flag} stands alone` : ADVICE.find(([fault]) => fault.test(text))?.[1];
  return advice === undefined ? text : `${text.trimEnd()}\n(${advice})\n`;
}
