package disk

import "testing"

// allocated is not told here: files are not sparse unless asked to be.
func allocated(*testing.T, string) int64 { return 0 }
