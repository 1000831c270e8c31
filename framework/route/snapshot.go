package route

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/routegate/routegate/framework/manifest"
)

// snapshotVersion is the first line of a snapshot. It changes with the form of the
// rest, and with what Load makes of a manifest.
const snapshotVersion = "routegate table 1\n"

// In front of the table a snapshot has a head: the version, the SHA-256 of the
// manifest, and the CRC-32 of the table, each on a line. In the table a number is
// written in decimal with a colon behind it, a text as its length and its bytes,
// and a list as its length and its entries.
const tableAt = len(snapshotVersion) + 2*sha256.Size + len("\n") + len("01234567\n")

// Snapshot returns the table as text, for Restore to read. src is the manifest
// that the table was loaded from.
func (t *Table) Snapshot(src []byte) string {
	w := snapshotWriter{}.text(t.Digest())

	// What the lists of the routes have together: the reader makes each kind once.
	var segments, names int
	for _, r := range t.routes {
		segments += len(r.Pattern.segments)
		names += len(r.Tags) + len(r.Access.Groups) + len(r.Access.Scopes)
	}
	w = w.number(len(t.routes)).number(segments).number(names)
	for _, r := range t.routes {
		w = w.text(r.Name).text(r.Key()).text(r.Handler).text(r.Summary).text(r.Description)
		w = w.texts(r.Tags).truth(r.Deprecated)
		w = w.number(int(r.Access.Auth)).texts(r.Access.Groups).texts(r.Access.Scopes)
		w = w.number(r.Line).text(r.places)
	}

	w = w.number(len(t.tests))
	for _, test := range t.tests {
		w = w.text(test.Name).number(test.Line).number(int(test.Caller.Auth))
		w = w.texts(test.Caller.Principal.Groups).texts(test.Caller.Principal.Scopes)
		w = w.requests(test.Allow).requests(test.Deny)
	}
	w = w.texts(t.groups).texts(t.scopes).vocabulary(t.declaredGroups).vocabulary(t.declaredScopes)
	return head(src, string(w)) + string(w)
}

// Restore is Load for a manifest that was checked when the program was built: it
// gives the same table, and reports handlers that do not exist as Load does, but
// reads no YAML and checks nothing else. handlers are those that exist, by name.
//
// It returns nil and nil where snapshot is not one that this version of the
// package has written for exactly the bytes of src; Load then is what is left. A
// snapshot is no proof: whoever can write one can write any table. So it must be
// a part of the program, put there by what has checked the manifest, as
// cmd/package does, and must never be read from elsewhere.
func Restore[H any](snapshot, filename string, src []byte, handlers map[string]H) (*Table, *manifest.Report) {
	t := restore(snapshot, src)
	if t == nil {
		return nil, nil
	}
	report := &manifest.Report{Filename: filename, Source: bytes.TrimPrefix(src, []byte("\uFEFF"))}
	for _, r := range t.routes {
		if _, ok := handlers[r.Handler]; !ok {
			reportHandler(report, manifest.String{Value: r.Handler, Span: r.handlerAt()}, slices.Sorted(maps.Keys(handlers)))
		}
	}
	if report.HasErrors() {
		report.Sort()
		return nil, report
	}
	return t, report
}

// restore returns nil where the snapshot is not one of src.
func restore(snapshot string, src []byte) *Table {
	if len(snapshot) < tableAt || snapshot[:tableAt] != head(src, snapshot[tableAt:]) {
		return nil
	}
	r := &snapshotReader{rest: snapshot[tableAt:]}
	t := r.table()
	if r.failed || r.rest != "" {
		return nil
	}
	return t
}

// head returns the head of a snapshot of the manifest src.
func head(src []byte, table string) string {
	sum := crc32.NewIEEE()
	buf := make([]byte, 4<<10) // or all of it would be copied
	for rest := table; rest != ""; {
		n := copy(buf, rest)
		sum.Write(buf[:n])
		rest = rest[n:]
	}
	return fmt.Sprintf("%s%x\n%08x\n", snapshotVersion, sha256.Sum256(src), sum.Sum32())
}

// A snapshotWriter is what was written so far.
type snapshotWriter []byte

func (w snapshotWriter) number(n int) snapshotWriter {
	return append(strconv.AppendInt(w, int64(n), 10), ':')
}

func (w snapshotWriter) text(s string) snapshotWriter { return append(w.number(len(s)), s...) }

func (w snapshotWriter) truth(b bool) snapshotWriter {
	if b {
		return w.number(1)
	}
	return w.number(0)
}

func (w snapshotWriter) texts(list []string) snapshotWriter {
	w = w.number(len(list))
	for _, s := range list {
		w = w.text(s)
	}
	return w
}

func (w snapshotWriter) span(at manifest.Span) snapshotWriter {
	return w.number(at.Line).number(at.Column).number(at.Width)
}

func (w snapshotWriter) requests(list []manifest.String) snapshotWriter {
	w = w.number(len(list))
	for _, s := range list {
		w = w.text(s.Value).span(s.Span)
	}
	return w
}

// vocabulary writes a list that was not declared as 0, and another as one longer
// than it is.
func (w snapshotWriter) vocabulary(list []Name) snapshotWriter {
	if list == nil {
		return w.number(0)
	}
	w = w.number(len(list) + 1)
	for _, n := range list {
		w = w.text(n.Name).text(n.Meaning).number(n.Line)
	}
	return w
}

// A snapshotReader reads what a snapshotWriter has written, and nothing else.
// When something is not as it would have been written, failed is set, and what
// is read from then on is empty.
//
// Every text is a part of the snapshot, and the lists of all routes are parts of
// a few large ones: 3,000 routes are read in a fraction of a millisecond.
type snapshotReader struct {
	rest   string
	failed bool

	segments []segment // made, and not yet used
	names    []string
}

func (r *snapshotReader) fail() { r.rest, r.failed = "", true }

// number reads a number, which is written in one way only.
func (r *snapshotReader) number() int {
	if len(r.rest) >= 2 && r.rest[1] == ':' && '0' <= r.rest[0] && r.rest[0] <= '9' { // most are small
		n := int(r.rest[0] - '0')
		r.rest = r.rest[2:]
		return n
	}
	n := 0
	for i := 0; i < len(r.rest) && i < 10; i++ {
		switch c := r.rest[i]; {
		case '0' <= c && c <= '9' && (i == 0 || n > 0):
			n = 10*n + int(c-'0')
		case c == ':' && i > 0:
			r.rest = r.rest[i+1:]
			return n
		default:
			r.fail()
			return 0
		}
	}
	r.fail()
	return 0
}

// length reads the length of a list. Each entry takes a byte at least, so that
// no list is made for a length that is not there.
func (r *snapshotReader) length() int {
	n := r.number()
	if n > len(r.rest) {
		r.fail()
		return 0
	}
	return n
}

func (r *snapshotReader) text() string {
	n := r.length()
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

func (r *snapshotReader) truth() bool { return r.atMost(1) == 1 }

func (r *snapshotReader) atMost(limit int) int {
	n := r.number()
	if n > limit {
		r.fail()
		return 0
	}
	return n
}

// texts reads a list into those that were made for all routes, or makes one
// where there are none. A list without entries is nil, as Load has it.
func (r *snapshotReader) texts(made *[]string) []string {
	n := r.length()
	if n == 0 {
		return nil
	}
	var list []string
	switch {
	case made == nil:
		list = make([]string, n)
	case n > len(*made):
		r.fail()
		return nil
	default:
		list, *made = (*made)[:n:n], (*made)[n:]
	}
	for i := range list {
		list[i] = r.text()
	}
	return list
}

func (r *snapshotReader) span() manifest.Span {
	return manifest.Span{Pos: manifest.Pos{Line: r.number(), Column: r.number()}, Width: r.number()}
}

func (r *snapshotReader) requests() []manifest.String {
	n := r.length()
	if n == 0 {
		return nil
	}
	list := make([]manifest.String, n)
	for i := range list {
		list[i] = manifest.String{Value: r.text(), Span: r.span()}
	}
	return list
}

func (r *snapshotReader) vocabulary() []Name {
	n := r.number()
	if n == 0 {
		return nil
	}
	if n-1 > len(r.rest) {
		r.fail()
		return nil
	}
	list := make([]Name, n-1)
	for i := range list {
		list[i] = Name{Name: r.text(), Meaning: r.text(), Line: r.number()}
	}
	return list
}

func (r *snapshotReader) pattern(path string) Pattern {
	n := strings.Count(path, "/")
	if path == "/" {
		n = 0
	}
	if n > len(r.segments) {
		r.fail()
		return Pattern{}
	}
	p, err := parsePattern(path, r.segments[:0:n])
	if err != nil {
		r.fail()
	}
	r.segments = r.segments[n:]
	return p
}

func (r *snapshotReader) table() *Table {
	t := &Table{digest: r.text()}
	routes := make([]Route, r.length())
	t.routes = make([]*Route, len(routes))
	r.segments, r.names = make([]segment, r.length()), make([]string, r.length())
	for i := range routes {
		rt := &routes[i]
		t.routes[i] = rt
		rt.Name, rt.key, rt.Handler, rt.Summary, rt.Description = r.text(), r.text(), r.text(), r.text(), r.text()
		method, path, _ := strings.Cut(rt.key, " ")
		rt.Method, rt.Pattern = method, r.pattern(path)
		rt.Tags, rt.Deprecated = r.texts(&r.names), r.truth()
		rt.Access = Access{Auth: Auth(r.atMost(int(IAM))), Groups: r.texts(&r.names), Scopes: r.texts(&r.names)}
		rt.Line, rt.places = r.number(), r.text()
		if rt.Method != AnyMethod && !slices.Contains(Methods, rt.Method) {
			r.fail()
		}
	}
	if len(r.segments) > 0 || len(r.names) > 0 {
		r.fail()
	}
	if n := r.length(); n > 0 {
		t.tests = make([]Test, n)
	}
	for i := range t.tests {
		test := &t.tests[i]
		test.Name, test.Line, test.Caller.Auth = r.text(), r.number(), Auth(r.atMost(int(IAM)))
		test.Caller.Principal = Principal{Groups: r.texts(nil), Scopes: r.texts(nil)}
		test.Allow, test.Deny = r.requests(), r.requests()
	}
	t.groups, t.scopes = r.texts(nil), r.texts(nil)
	t.declaredGroups, t.declaredScopes = r.vocabulary(), r.vocabulary()
	return t
}
