// Package regf reads Windows registry hives: the files SOFTWARE and SYSTEM of a Windows
// installation.
//
// Start with [Open], then [Hive.Key] and the values of a [Key].
//
//	+----------------------+ 0
//	| base block, 4096 B   |  "regf", sequence numbers, version, offset of the root key's cell,
//	|                      |  size of what follows
//	+----------------------+ 4096: offsets of cells count from here
//	| hive bins            |  "hbin" and 28 bytes more, then cells: int32 size (negative: in use),
//	|                      |  contents; sizes are multiples of 8
//	+----------------------+
//
//	key (nk)      "nk" | flags u16 | time u64 | u32 | parent u32 | subkeys u32 | volatile u32 |
//	              list u32 | u32 | values u32 | value list u32 | security u32 | class u32 | 5 x u32 |
//	              name bytes u16 | class bytes u16 | name (Latin-1 with flag 0x20, else UTF-16)
//	value (vk)    "vk" | name bytes u16 | size u32, top bit: the data is in the next field |
//	              data u32 | type u32 | flags u16, 1: Latin-1 | u16 | name
//	lists         "lf" or "lh": n x {key u32, hash u32}; "li": n x key u32; "ri": n x list u32;
//	              value list: n x u32 without a mark
//	long data     "db" | pieces u16 | list u32: n x u32, each a cell with up to 16344 bytes
//
// Contract: bytes are never trusted. A hive that is not well formed is an error that is
// ErrCorrupt; time and memory are bounded by named limits. Transaction logs are not replayed: a
// hive that was not closed properly shows its older state.
package regf
