package apply

import "fmt"

// Lines says for people what was not kept, a line for each kind.
func (l Lost) Lines() []string {
	var out []string
	add := func(n int, what string) {
		if n > 0 {
			out = append(out, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(l.Security, "security descriptors not kept")
	add(l.NamedStreams, "named streams not kept; a volume of ntfs-3g keeps them when it is mounted with -o streams_interface=windows")
	add(l.ShortNames, "short names not kept")
	add(l.Attributes, "files whose attributes (read-only, hidden, system, ...) are not kept")
	add(l.Reparse, "reparse points that are not links: made as plain files or directories")
	add(l.ObjectIDs, "object IDs not kept")
	add(l.Encrypted, "encrypted files left out")
	add(l.Special, "device nodes, sockets and pipes left out")
	add(l.Owners, "files whose owner was not set: not permitted or not possible here")
	add(l.Absolute, "links to absolute paths: they lead where that path leads on this machine")
	add(l.Xattrs, "extended attributes that the file system refused")
	return out
}

func (p *Plan) tellLost(l Lost) {
	if p.cfg.Events == nil {
		return
	}
	for _, line := range l.Lines() {
		p.cfg.Events(Event{Kind: EventLost, Text: line})
	}
}
