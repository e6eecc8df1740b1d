package event

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Every type of this package that is an event has a row in the table, with a log line, and metrics or a reason for none.
func TestEveryKindHasALogLineAndAMetric(t *testing.T) {
	kinds := declared(t)
	if len(kinds) < 50 {
		t.Errorf("only %d types with a Kind are found in the source", len(kinds))
	}
	for _, line := range problems(kinds, table) {
		t.Error(line)
	}
}

type unlisted struct{ N int }

func (unlisted) Kind() string { return "unlisted" }

type unshowable struct{ List []int }

func (unshowable) Kind() string { return "unshowable" }

// The check finds what it is there for.
func TestAnIncompleteTableIsFound(t *testing.T) {
	good := count(unlisted{}, Info, "text", total("wimcast_good_things_total"))
	for _, c := range []struct {
		name string
		row  Spec
		want string
	}{
		{"complete", good, ""},
		{"no log line", count(unlisted{}, Info, "", total("wimcast_good_things_total")), "no text for its log line"},
		{"no metric", count(unlisted{}, Info, "text"), "neither a metric nor a reason"},
		{"no reason", none(unlisted{}, Info, "text", ""), "neither a metric nor a reason"},
		{"both", Spec{Event: unlisted{}, Text: "text", Metrics: good.Metrics, None: "why"}, "both"},
		{"no noun", count(unlisted{}, Info, "text", total("wimcast_things_total")), "is not wimcast_<noun>_<unit>"},
		{"only grows", count(unlisted{}, Info, "text", total("wimcast_good_things")), "_total"},
		{"goes down", count(unlisted{}, Info, "text", gauge("wimcast_good_things_total", -1)), "_total"},
		{"no such field", count(unlisted{}, Info, "text", sum("wimcast_good_things_total", "M")), "no number M"},
		{"field and step", count(unlisted{}, Info, "text", Metric{"wimcast_good_things_total", "N", 2}), "no metric"},
		{"level", count(unlisted{}, 3, "text", good.Metrics...), "level"},
		{"field's type", count(unshowable{}, Info, "text", good.Metrics...), "no event may have"},
	} {
		kinds := map[string]string{reflect.TypeOf(c.row.Event).Name(): c.row.Event.Kind()}
		got := strings.Join(problems(kinds, []Spec{c.row}), "; ")
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if got := problems(map[string]string{"unlisted": "unlisted"}, nil); len(got) != 1 {
		t.Errorf("a type without a row: %q", got)
	}
	if got := problems(map[string]string{"unlisted": "unlisted"}, []Spec{good, good}); len(got) != 1 {
		t.Errorf("a type with two rows: %q", got)
	}
	twice := map[string]string{"unlisted": "unlisted", "other": "unlisted", "Loud": "Not Kebab"}
	if got := problems(twice, []Spec{good}); len(got) != 4 { // one kind for two types, one bad kind, two without rows
		t.Errorf("kinds that are wrong: %q", got)
	}
}

var (
	kebab      = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	metricName = regexp.MustCompile(`^wimcast_[a-z]+_[a-z]+$`)
)

// problems says what is wrong with a table for the types that the source declares, by name with their kinds.
func problems(kinds map[string]string, rows []Spec) (out []string) {
	wrong := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	seen := map[string]string{}
	for name, kind := range kinds {
		if other := seen[kind]; other != "" {
			wrong("%s and %s are both called %q", name, other, kind)
		}
		seen[kind] = name
		if !kebab.MatchString(kind) {
			wrong("%s: kind %q is not words with hyphens", name, kind)
		}
		n := 0
		for _, row := range rows {
			if reflect.TypeOf(row.Event).Name() == name {
				n++
			}
		}
		if n != 1 {
			wrong("%s has %d rows in the table (table.go), it must have one: its log line, and its metrics or why it has none", name, n)
		}
	}
	for _, row := range rows {
		for _, line := range rowProblems(row) {
			wrong("%T: %s", row.Event, line)
		}
	}
	return out
}

func rowProblems(row Spec) (out []string) {
	wrong := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	typ := reflect.TypeOf(row.Event)
	if row.Text == "" {
		wrong("no text for its log line")
	}
	if !slices.Contains([]Level{Debug, Info, Warn}, row.Level) {
		wrong("unknown level %d", row.Level)
	}
	switch {
	case len(row.Metrics) == 0 && row.None == "":
		wrong("neither a metric nor a reason for having none")
	case len(row.Metrics) > 0 && row.None != "":
		wrong("both metrics and a reason for having none")
	}
	for i := range typ.NumField() {
		if _, ok := shown(typ.Field(i).Name, reflect.Zero(typ.Field(i).Type)); !ok {
			wrong("field %s is a %v, which no event may have", typ.Field(i).Name, typ.Field(i).Type)
		}
	}
	for _, m := range row.Metrics {
		if !metricName.MatchString(strings.TrimSuffix(m.Name, "_total")) {
			wrong("metric %s is not wimcast_<noun>_<unit>[_total]", m.Name)
		}
		if grows := m.Step > 0 || m.Field != ""; strings.HasSuffix(m.Name, "_total") && !grows || !strings.HasSuffix(m.Name, "_total") && !falls(m.Name) {
			wrong("metric %s: _total is for what only grows, and only for that", m.Name)
		}
		if f, ok := typ.FieldByName(m.Field); m.Field != "" && (!ok || !isNumber(f.Type)) {
			wrong("metric %s: there is no number %s", m.Name, m.Field)
		}
		if (m.Field == "") == (m.Step == 0) {
			wrong("no metric: one of a field and a step")
		}
	}
	return out
}

// falls says whether some event lowers the metric.
func falls(name string) bool {
	return slices.ContainsFunc(table, func(s Spec) bool {
		return slices.ContainsFunc(s.Metrics, func(m Metric) bool { return m.Name == name && m.Step < 0 })
	})
}

func isNumber(t reflect.Type) bool {
	z := reflect.Zero(t)
	return z.CanInt() || z.CanUint() || z.CanFloat()
}

// declared reads from the package's source which types have a method Kind, and what it returns.
func declared(t *testing.T) map[string]string {
	kinds := map[string]string{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || fn.Name.Name != "Kind" {
				continue
			}
			recv, ok := fn.Recv.List[0].Type.(*ast.Ident)
			if !ok {
				t.Errorf("%s: a Kind of something that is no struct", name)
				continue
			}
			ret, _ := fn.Body.List[0].(*ast.ReturnStmt)
			lit, _ := ret.Results[0].(*ast.BasicLit)
			kinds[recv.Name] = strings.Trim(lit.Value, `"`)
		}
	}
	return kinds
}

// What is shown is made of the struct's fields, names with units.
func TestLinesAndFields(t *testing.T) {
	for _, c := range []struct {
		e    Event
		want string
	}{
		{MemberJoined{Member: 7, Name: "a b", Members: 3}, `member-joined member=7 name="a b" members=3`},
		{MemberDropped{Member: 7}, `member-dropped member=7 lacked=0`},
		{RateChanged{Rate: 94_100_000, Why: "no loss"}, `rate-changed rate_mbps=94.1 why="no loss"`},
		{MembersSilent{For: 1500 * time.Millisecond}, `members-silent for_seconds=1.5`},
		{RunOver{Datagrams: 1 << 40}, `run-over datagrams=1099511627776`},
		{Published{Type: "image", NewBytes: 5, Changed: true}, `published type="image" bytes=0 chunks=0 new_chunks=0 new_bytes=5 changed=true`},
		{Hears{}, `hears`},
	} {
		if got := Line(c.e); got != c.want {
			t.Errorf("%#v:\ngot  %s\nwant %s", c.e, got, c.want)
		}
	}
}

// What may be told often is for the user only once.
func TestAUserIsToldOnce(t *testing.T) {
	if got := Of(SourceLacks{Times: 1}).Level; got != Warn {
		t.Errorf("the first time: level %d", got)
	}
	if got := Of(SourceLacks{Times: 2}).Level; got != Debug {
		t.Errorf("the second time: level %d", got)
	}
}

func TestMetricsAddUp(t *testing.T) {
	m := NewMetrics()
	for _, e := range []Event{
		MemberJoined{},
		MemberJoined{},
		BlocksWanted{Blocks: 5},
		BlocksWanted{Blocks: 6},
		FetchesPaused{Pause: 1500 * time.Millisecond},
		CastStarted{},
		CastStarted{},
		CastEnded{},
		RunOver{Datagrams: 9},
		Hears{},
		Deaf{Missed: 40},
	} {
		m.Add(e)
	}
	got := m.Values()
	for name, want := range map[string]float64{
		"wimcast_member_joins_total": 2, "wimcast_wanted_blocks_total": 11, "wimcast_pause_seconds_total": 1.5,
		"wimcast_cast_starts_total": 2, "wimcast_running_casts": 1, "wimcast_used_runs_total": 1, "wimcast_missed_datagrams_total": 40,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
		delete(got, name)
	}
	for name, v := range got {
		if v != 0 {
			t.Errorf("%s is %v, nothing of it happened", name, v)
		}
	}
	got["wimcast_member_joins_total"] = 7
	if m.Values()["wimcast_member_joins_total"] != 2 {
		t.Error("who got the values changes them")
	}
}
