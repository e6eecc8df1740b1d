package apply

import (
	"fmt"
	"reflect"
	"runtime"
)

// Lost counts what is not as the image has it, because the target has no place for it or because it was not permitted. Owners
// and Xattrs are those of this run only.
//
// Each count is defined here and nowhere else: its name in JSON, what follows its number where people read it, and a hint that
// is told on Windows only. [Lost.Lines], JSON and sums are made from that.
type Lost struct {
	Security     int `json:"security_descriptors" words:"security descriptors"`
	NamedStreams int `json:"named_streams" words:"named streams (a volume of ntfs-3g keeps them when it is mounted with -o streams_interface=windows)"`
	ShortNames   int `json:"short_names" words:"short names" windows:" (a volume takes them after 'fsutil 8dot3name set D: 0')"`
	Attributes   int `json:"attributes" words:"files whose attributes (read-only, hidden, system, ...) are not kept"`
	Reparse      int `json:"reparse_points" words:"reparse points that are not links: made as plain files or directories"`
	ObjectIDs    int `json:"object_ids" words:"object IDs"`
	Encrypted    int `json:"encrypted_files" words:"encrypted files left out (an NTFS volume mounted with -o efs_raw keeps them)"`
	Special      int `json:"special_files" words:"devices, sockets and pipes left out (only root makes devices)"`
	Owners       int `json:"owners" words:"files whose owner, group or mode was not set: not permitted or not possible here"`
	Absolute     int `json:"absolute_links" words:"links to absolute paths: they lead where that path leads on this machine"`
	Xattrs       int `json:"extended_attributes" words:"extended attributes that the file system refused"`
	Damaged      int `json:"damaged_files" words:"files written although their contents fail their check"` // by Config.Recover
}

// each visits the counts in their order.
func (l *Lost) each(visit func(field reflect.StructField, n *int)) {
	v := reflect.ValueOf(l).Elem()
	for i := range v.NumField() {
		visit(v.Type().Field(i), v.Field(i).Addr().Interface().(*int))
	}
}

// Lines says for people what is not as the image has it, a line for each kind; none when all is.
func (l Lost) Lines() []string {
	var out []string
	l.each(func(f reflect.StructField, n *int) {
		if *n == 0 {
			return
		}
		line := fmt.Sprintf("%d %s", *n, f.Tag.Get("words"))
		if runtime.GOOS == "windows" {
			line += f.Tag.Get("windows")
		}
		out = append(out, line)
	})
	return out
}

// add adds every count of o.
func (l *Lost) add(o Lost) {
	var counts []int
	o.each(func(_ reflect.StructField, n *int) { counts = append(counts, *n) })
	l.each(func(f reflect.StructField, n *int) { *n += counts[f.Index[0]] })
}

func (j *Job) tellLost(l Lost) {
	for _, line := range l.Lines() {
		j.event(NotKept{line})
	}
}
