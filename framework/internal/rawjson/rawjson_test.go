package rawjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/routegate/routegate/framework/internal/growth"
)

func parse(t *testing.T, text string) Value {
	t.Helper()
	d, err := Parse(text, MaxDepth)
	if err != nil {
		t.Fatalf("%.100q: %v", text, err)
	}
	return d.Root()
}

func TestValue(t *testing.T) {
	v := parse(t, ` {"a": {"b": [1, "x\u0079", null, {"c": true}], "d": "x\u0079\u20AC"}, "\u0065": -1.5e+3, "": "é", "z": {}, "y": []} `)
	for _, tt := range []struct {
		value Value
		kind  Kind
		raw   string
		text  string
		len   int
		path  string
	}{
		{v.Get("a"), Object, `{"b": [1, "x\u0079", null, {"c": true}], "d": "x\u0079\u20AC"}`, "", 2, "a"},
		{v.Get("a").Get("b"), Array, `[1, "x\u0079", null, {"c": true}]`, "", 4, "a.b"},
		{v.Get("e"), Number, `-1.5e+3`, "", 0, "e"},
		{v.Get(""), String, "", "é", 0, ""},
		{v.Get("a").Get("d"), String, "", "xy\u20ac", 0, "a.d"},
		{v.Get("z"), Object, `{}`, "", 0, "z"},
		{v.Get("y"), Array, `[]`, "", 0, "y"},
		{v.Get("b"), None, "", "", 0, ""},
		{v.Get("a").Get("c"), None, "", "", 0, ""},
		{v.Get("e").Get("c"), None, "", "", 0, ""},
		{Value{}.Get("c"), None, "", "", 0, ""},
	} {
		if got := tt.value; got.Kind() != tt.kind || got.Raw() != tt.raw || got.Text() != tt.text || got.Len() != tt.len || got.Path() != tt.path {
			t.Errorf("%s is %v, text %q, length %d, path %q, want %+v", got.Raw(), got.Kind(), got.Text(), got.Len(), got.Path(), tt)
		}
	}
	var items []string
	for item := range v.Get("a").Get("b").Items() {
		items = append(items, item.Path()+" "+item.Kind().String()+" "+item.Text())
	}
	if diff := cmp.Diff([]string{"a.b.0 a number ", "a.b.1 a string xy", "a.b.2 null ", "a.b.3 an object "}, items); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if got := string(v.Get("").AppendText([]byte("caf"))); got != "café" {
		t.Errorf("AppendText gives %q", got)
	}
	if (&Doc{}).Root() != (Value{}) {
		t.Error("the zero Doc has a value")
	}
}

func TestPlain(t *testing.T) {
	for text, want := range map[string]bool{
		`"abc"`: true, `"a b"`: true, `""`: true, "\"~\x7f\"": true, `"ä"`: true, `"12345678ä12345678"`: true, `"ä12345678"`: true,
		`"\""`: false, `"a\u0062"`: false, `"12345678\n"`: false, "\"\xff\"": false, "\"12345678\xc312345678\"": false,
		`1`: false, `-1.5e3`: false, `true`: false, `false`: false, `null`: false, `{}`: false, `[]`: false, `{"a":"b"}`: false, `["a"]`: false,
	} {
		if got := parse(t, text).Plain(); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if (Value{}).Plain() {
		t.Error("a value that is not there is plain")
	}
}

// A path of the most that is shown is shown whole.
func TestLongPath(t *testing.T) {
	for _, n := range []int{maxPath - 1, maxPath, maxPath + 1} {
		key := strings.Repeat("k", n-len("a."))
		want := "a." + key
		if n > maxPath {
			want = want[:maxPath] + "..."
		}
		if got := parse(t, `{"a":{"`+key+`":1}}`).Get("a").Get(key).Path(); got != want {
			t.Errorf("%d bytes: %s", n, got)
		}
		var twice *DuplicateKeyError
		if _, err := Parse(`{"a":{"`+key+`":{"x":1,"x":2}}}`, MaxDepth); !errors.As(err, &twice) || twice.Path != want {
			t.Errorf("%d bytes: %+v, %v", n, twice, err)
		}
	}
}

// QuotedLen is exact for most texts.
func TestQuotedLen(t *testing.T) {
	for _, text := range []string{"", "abc", `"`, `\`, "\n", `{"a":"b\n"}`, "a\n\nb", `\\""`, "ä\u2028\x7f"} {
		if got, want := QuotedLen([]byte(text)), len(AppendQuoted(nil, text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

// A quoted string is appended if it is as short as asked for, and not a byte longer.
func TestAppendQuotedWithin(t *testing.T) {
	texts := []string{"", "a", `"`, "\x01", strings.Repeat("a", 200), strings.Repeat(`"`, 200), strings.Repeat("\x00", 200), strings.Repeat("ä\n\"\\\x1f", 50)}
	for n := range 150 {
		texts = append(texts, strings.Repeat("a", n)+"\x1f")
	}
	for _, text := range texts {
		want := AppendQuoted([]byte("b"), text)
		exact := len(want) - len("b")
		for max, fits := range map[int]bool{0: false, exact - 1: false, exact: true, exact + 1: true} {
			got, ok := AppendQuotedWithin([]byte("b"), text, max)
			if ok != fits || ok && string(got) != string(want) {
				t.Errorf("%q in %d bytes: %s, %v, want %s, %v", text, max, got, ok, want, fits)
			}
		}
	}
	// What does not fit is not written to its end.
	if b, _ := AppendQuotedWithin(nil, strings.Repeat("\x00", 1<<20), 1000); len(b) > 2000 {
		t.Errorf("%d bytes", len(b))
	}
}

// The keys of an object, of which a client can make many with one short hash, are
// not each compared with each.
func TestManyKeys(t *testing.T) {
	growth.Check(t, "keys with one hash", 2000, func(n int) func() {
		var b strings.Builder
		b.WriteByte('{')
		for i := range n {
			fmt.Fprintf(&b, `"a%06db%06dc":0,`, i, i)
		}
		b.WriteString(`"":0}`)
		return func() {
			d, err := Parse(b.String(), MaxDepth)
			if err != nil {
				t.Error(err)
				return
			}
			d.Free()
		}
	})
}

// A value of a document that was freed must not pass for one of the next. There are
// more of them than have memory from before.
func TestFree(t *testing.T) {
	var docs [100]*Doc
	for i := range docs {
		d, err := Parse(`{"a":["b"]}`, MaxDepth)
		if err != nil {
			t.Fatal(err)
		}
		docs[i] = d
	}
	for _, d := range docs {
		a := d.Root().Get("a")
		text := a.Raw()
		d.Free()
		if d.Root() != (Value{}) {
			t.Fatal("the document still has a value")
		}
		if text != `["b"]` {
			t.Fatalf("its text became %q", text)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Fatal("a value of it is used without a panic")
				}
			}()
			a.Kind()
		}()
	}
}

// The memory of a document that is large in either way is not kept for others.
func TestLargeIsNotKept(t *testing.T) {
	for _, tt := range []struct {
		what, text string
		kept       bool
	}{
		{"small", `["a\n"]`, true},
		{"many values", `[` + strings.Repeat("0,", 2*mostNodes) + `0]`, false},
		{"a long string", `["` + strings.Repeat("a", 2*mostDecoded) + `\n"]`, false},
	} {
		d, err := Parse(tt.text, 1)
		if err != nil {
			t.Fatal(err)
		}
		if d.Free(); (d.text == "") != tt.kept {
			t.Errorf("%s: kept is %v", tt.what, !tt.kept)
		}
	}
}

// A long string is not copied over and over while it is decoded.
func TestLongStringAllocates(t *testing.T) {
	text := `"` + strings.Repeat(`\"12345678`, 1<<20) + `"`
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Parse(text, 0); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 3*uint64(len(text)) { // twice under the race detector
		t.Errorf("%d bytes are allocated for a string of %d", got, len(text))
	}
}

// Texts stay what they are when a document is freed, and the next one lies in its
// memory.
func TestTextsOutliveDoc(t *testing.T) {
	var list, texts []string
	for n := range 40 {
		list = append(list, strings.Repeat("a", 10*n), "\n"+strings.Repeat("a", 7*n)+"\"")
	}
	for round := range 20 {
		text := []byte{'['}
		for i, s := range list {
			if i > 0 {
				text = append(text, ',')
			}
			text = AppendQuoted(text, strings.ReplaceAll(s, "a", string(rune('a'+round))))
		}
		d, err := Parse(string(append(text, ']')), 1)
		if err != nil {
			t.Fatal(err)
		}
		for item := range d.Root().Items() {
			texts = append(texts, item.Text(), string(item.AppendText(nil)))
		}
		d.Free()
	}
	for i, got := range texts {
		round, n := i/(2*len(list)), i%(2*len(list))/2
		if want := strings.ReplaceAll(list[n], "a", string(rune('a'+round))); got != want {
			t.Fatalf("round %d: text %d became %q, want %q", round, n, got, want)
		}
	}
}

func TestDuplicateKeys(t *testing.T) {
	var many strings.Builder
	for i := range 3 * manyKeys {
		fmt.Fprintf(&many, `"k%d":[{}],`, i)
	}
	for _, tt := range []struct{ text, path, key string }{
		{`{"a":1,"a":2}`, "", "a"},
		{`{"x":{"y":[0,{"a":1,"b":{},"\u0061":2}]}}`, "x.y.1", "a"},
		{`{"":1,"":2}`, "", ""},
		{`{"x":{` + many.String() + `"k0":1}}`, "x", "k0"},
		{`{"x":{` + many.String() + `"k40":1}}`, "x", "k40"},
		{`{"x":{` + many.String() + `"k95":1}}`, "x", "k95"},
	} {
		var twice *DuplicateKeyError
		if d, err := Parse(tt.text, MaxDepth); d != nil || !errors.As(err, &twice) || twice.Path != tt.path || twice.Key != tt.key {
			t.Errorf("%.50s: %v, %#v, want key %q twice in %q", tt.text, d, err, tt.key, tt.path)
		}
	}
	parse(t, `{`+many.String()+`"k":1}`)
	if _, err := Parse(`{"a":1,"a":2`, MaxDepth); !errors.As(err, new(*json.SyntaxError)) {
		t.Errorf("half a document with a key twice: %v", err)
	}
}

func TestDepth(t *testing.T) {
	nested := func(n int) string { return strings.Repeat(`[`, n) + strings.Repeat(`]`, n) }
	for depth := range 4 {
		if _, err := Parse(nested(depth+1), depth); err != errTooDeep {
			t.Errorf("%d deep, %d allowed: %v", depth+1, depth, err)
		}
		if _, err := Parse(`[`+nested(depth+1)+`,`+nested(depth+1)+`]`, depth+2); err != nil {
			t.Errorf("%d deep: %v", depth+2, err)
		}
	}
	if _, err := Parse(nested(1_000_000), MaxDepth); err != errTooDeep {
		t.Errorf("a million deep: %v", err)
	}
	// What is behind something that was deep is not deep for that.
	if _, err := Parse(`[[],{},[[]]]`, 2); err != errTooDeep {
		t.Errorf("three deep behind two, two allowed: %v", err)
	}
}

// decodeOnce is encoding/json's way to the same: its tokens, and no key twice.
func decodeOnce(text string) (any, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var value func() (any, error)
	value = func() (any, error) {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		delim, ok := token.(json.Delim)
		if !ok {
			return token, nil
		}
		object, list := map[string]any{}, []any{}
		for dec.More() {
			if delim == '[' {
				item, err := value()
				if err != nil {
					return nil, err
				}
				list = append(list, item)
				continue
			}
			key, err := dec.Token()
			if err != nil {
				return nil, err
			}
			if _, twice := object[key.(string)]; twice {
				return nil, errors.New("twice")
			}
			if object[key.(string)], err = value(); err != nil {
				return nil, err
			}
		}
		if _, err := dec.Token(); err != nil {
			return nil, err
		}
		if delim == '[' {
			return list, nil
		}
		return object, nil
	}
	if !json.Valid([]byte(text)) {
		return nil, errors.New("not valid") // Token is more lenient
	}
	v, err := value()
	if err == nil {
		if _, err := dec.Token(); err != io.EOF {
			return nil, errors.New("more")
		}
	}
	return v, err
}

// FuzzParse compares with encoding/json what is JSON and what it means.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		``, ` `, `{}`, ` [ ] `, `true`, `false`, `null`, `7`, `"a b"`, `"1234567` + "\n" + `890123456789"`, "\"12345678\x1f12345678\"", `"12345678\u001f1234567890"`, `{"a":[1,-0,0.5,1e9,1E-9,-12.50e+0],"b":{"c":null,"d":true,"e":false}}`,
		`01`, `-`, `1.`, `.5`, `1e`, `+1`, `1e+`, `0x1`, `nul`, `truex`, `NaN`, `[1,]`, `[,1]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `{,}`, `[1 2]`, `{}{}`, "\uFEFF{}",
		`"a`, `"\"`, `"\x"`, `"\x0041"`, `"\u12"`, `"\u12g4"`, `"\u00AF\u00fA\uABCD\uefFe\u0a9F"`, `"\u00G0"`, `"\u00@0"`, `"\u00` + "`" + `0"`, "\"\n\"", "\"\x7f\"", "\"\xff\"", "\"a\xc3\"", `"\ud83d\ude00"`, `"\ud83d"`, `"\ud83d\u0041"`, `"\ude00\ud83d"`, `"\ud83dx"`, "\"\u2028\\u2028\"",
		`"1234567\"1234567\\12345678\n\r\t\b\f\/"`, `"ääääääääääää"`, "\"12345678\xed\xa0\x80\"", `{"a":1,"a":2}`, `{"\u0061":1,"a":2}`, "{\"\xff\":1,\"\xfe\":2}", `[[[[[[]]]]]]`, `[{"a":[{"a":[{}]}]}]`, "\x00", "[\x00]", `"\u0000"`,
	} {
		f.Add(text)
	}
	for _, text := range blocks(`"`, `\"`, `\\`, `\/`, `\n`, `\\\\\\`, `\u00e4`, `\ud83d\ude00`, `\ud83d`, `\ud83d\u0041`, `\x`, `\u12g4`, "\\\x00", "\\\x1f", "\\\xff", "ä", "\xff", "\n", "\x1f") {
		f.Add(`"` + text + `"`)
		f.Add(`"\"` + text + `"`) // blocks begin at the first escape
		f.Add(`"\"` + text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, wantErr := decodeOnce(text)
		d, err := Parse(text, MaxDepth)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: error %v, encoding/json has %v", text, err, wantErr)
		}
		if err != nil {
			return
		}
		defer d.Free()
		if diff := cmp.Diff(want, d.Root().Any()); diff != "" {
			t.Fatalf("%q (-encoding/json +ours):\n%s", text, diff)
		}
		if got := d.Root().Raw(); d.Root().Kind() != String && got != strings.Trim(text, " \t\r\n") {
			t.Fatalf("%q: Raw is %q", text, got)
		}
	})
}

// Every byte, and every byte behind a backslash, is what encoding/json says it is, at
// each place of a block and in the short texts that have none.
func TestEveryByte(t *testing.T) {
	for c := range 256 {
		for at := range block + 16 {
			for _, in := range []string{string([]byte{byte(c)}), string([]byte{'\\', byte(c)})} {
				for n, behind := range []int{0, 0, 2*block + 16 - at, 2*block + 16 - at} {
					// Blocks begin at the first escape.
					text := []string{"", `\t`}[n%2] + strings.Repeat("x", at) + in + strings.Repeat("y", behind)
					quoted := `"` + text + `"`
					var want string
					wantErr := json.Unmarshal([]byte(quoted), &want)
					d, err := Parse(quoted, 0)
					if (err == nil) != (wantErr == nil) {
						t.Fatalf("%q: error %v, encoding/json has %v", quoted, err, wantErr)
					}
					if err == nil {
						if got := d.Root().Text(); got != want {
							t.Fatalf("%q: %q, encoding/json has %q", quoted, got, want)
						}
						d.Free()
					}
					var back string
					if err := json.Unmarshal(AppendQuoted(nil, text), &back); err != nil || back != string([]rune(text)) {
						t.Fatalf("%q is quoted as what means %q, %v", text, back, err)
					}
				}
			}
		}
	}
}

// FuzzQuoted compares with encoding/json how a text is written and read back.
func FuzzQuoted(f *testing.F) {
	for _, text := range []string{"", "plain text", "<a&b>", `"\/`, "\x00\x01\x1f\x7f\b\f\n\r\t", "é☕😀", "\u2028\u2029\u202a", "\ufffd", "~\x7f\u0080", "\xff\xc3\xed\xa0\x80", "\xf0\x9f\x98", "123456789012345\n\"", strings.Repeat("x", 100) + "\xe2\x80"} {
		f.Add(text)
	}
	for _, text := range blocks("\"\\/\n\x01ä", `"`, `\`, "\n", "\x1f", "ä", "😀", "\xff", "\xe2\x80") {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(text); err != nil {
			t.Fatal(err)
		}
		got := AppendQuoted([]byte("x"), text)[1:]
		// What encoding/json escapes for the sake of JavaScript, or to say that it
		// was not UTF-8, is here as it is.
		if asIs := strings.NewReplacer(`\\`, `\\`, `\u2028`, "\u2028", `\u2029`, "\u2029", `\ufffd`, "\ufffd").Replace(want.String()); string(got)+"\n" != asIs {
			t.Fatalf("%q: %s, encoding/json has %s", text, got, asIs)
		}
		if utf8.ValidString(text) {
			if same := AppendQuotedUTF8(nil, []byte(text)); !bytes.Equal(same, got) {
				t.Fatalf("%q: as bytes %s", text, same)
			}
		}
		d, err := Parse(string(got), 0)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Free()
		if back := d.Root().Text(); back != string([]rune(text)) {
			t.Fatalf("%q comes back as %q", text, back)
		}
	})
}

// blocks returns texts in which each part lies at each place of a block, and across
// its end, among characters that stand for themselves and among others.
func blocks(parts ...string) (texts []string) {
	for _, part := range parts {
		for at := range 2*block + 8 {
			plain := strings.Repeat("x", at) + part
			texts = append(texts, plain+strings.Repeat("y", 2*block+16-at), plain)
		}
		texts = append(texts, strings.Repeat(part, 3*block))
	}
	return texts
}
