package catalog

import (
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// tables are what a catalogue keeps, within one transaction.
type tables struct {
	meta      table // metaRoot, metaHead, metaRecord: signed files
	manifests table // hash -> signed manifest
	nodes     table // node key -> signed node record; at a distribution point
	tokens    table // public half of a token's key -> uses left, expiry; at a distribution point
}

// Keys of the table meta.
var (
	metaRoot   = []byte("root")
	metaHead   = []byte("head")
	metaRecord = []byte("record") // this node's own
)

// tableNames are those in the file, in the order of tables' fields.
var tableNames = [...]string{"meta", "manifests", "nodes", "tokens"}

// tablesOf finds the tables in a transaction's file.
func tablesOf(tx *bolt.Tx) (tables, error) {
	var t tables
	for i, to := range [...]*table{&t.meta, &t.manifests, &t.nodes, &t.tokens} {
		if to.bucket = tx.Bucket([]byte(tableNames[i])); to.bucket == nil {
			return tables{}, fmt.Errorf("%w: it has no table %q", ErrDamaged, tableNames[i])
		}
	}
	return t, nil
}

// table is one of them: byte strings by byte strings.
type table struct{ bucket *bolt.Bucket }

// get returns a copy of what is kept under key, or nil.
func (t table) get(key []byte) []byte { return clone(t.bucket.Get(key)) }

func (t table) has(key []byte) bool { return t.bucket.Get(key) != nil }

func (t table) put(key, value []byte) error { return t.bucket.Put(key, value) }

func (t table) remove(key []byte) error { return t.bucket.Delete(key) }

// each calls fn with everything in the table, ascending by key, until it fails. fn must neither keep what it gets nor change the
// table.
func (t table) each(fn func(key, value []byte) error) error { return t.bucket.ForEach(fn) }

func (t table) len() int { return t.bucket.Stats().KeyN }

// clone copies what is only lent; nil stays nil.
func clone(b []byte) []byte { return append([]byte(nil), b...) }
