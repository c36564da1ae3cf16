/** Resources in, route table out: pure, no I/O, no clock, no logger. */
export type { Compilation, CompileOptions, ObjectStatus } from './compilation.ts';
export { type Compiler, compile, createCompiler } from './compile.ts';
export { NOTICE_MS, type TimelyFindings, timelyFindings } from './exemptions.ts';
