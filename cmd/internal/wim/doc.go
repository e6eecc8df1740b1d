// Package wim has the verbs of `wimcast wim`: work on WIM files of this machine, with the
// arguments and options that wimlib-imagex has. [Command] is all of them; [Open] and [Apply] are
// for other verbs that look into a WIM file.
//
// A verb has an options struct, which is filled once from the command line, and a function that
// does the work.
package wim
