package rawjson

import (
	"bytes"
	"math"
	"math/bits"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// plainRun returns how long the run of characters at the start of s is: up to the
// first quote, backslash or control character, or to the end of s. ascii tells
// whether the run has ASCII only.
func plainRun(s string) (n int, ascii bool) {
	var all uint64 // the bytes of the run, one on the other
	rest := s      // shortened as it goes: s[i:] would cost two checks for each eight bytes
	for len(rest) >= 8 {
		w := load(rest)
		if found := special(w); found != 0 {
			n := bits.TrailingZeros64(found) / 8
			all |= w & (1<<(8*n) - 1)
			return len(s) - len(rest) + n, all&highest == 0
		}
		all |= w
		rest = rest[8:]
	}
	for rest != "" && rest[0] >= ' ' && rest[0] != '"' && rest[0] != '\\' {
		all |= uint64(rest[0])
		rest = rest[1:]
	}
	return len(s) - len(rest), all&highest == 0
}

// special looks at eight bytes at a time, since most of an event is inside
// strings. For each byte that is a quote, a backslash or a control character, the
// highest bit of its part of the result is set. Adding to the other seven bits
// carries into that one unless they are less than a number (Warren, Hacker's
// Delight, section 6-1). Flipping a bit makes a space of a quote, and of each
// control character another, so that one number does for both.
func special(w uint64) uint64 {
	flipped, backslash := w^ones*('"'^' '), w^ones*'\\'
	others := (flipped&^highest + ones*(0x80-' '-1)) & (backslash&^highest + ones*(0x80-1))
	return ^(others | w) & highest // no byte with its own highest bit is one of them
}

const (
	ones    = 0x0101010101010101
	highest = 0x8080808080808080
)

// block is how many bytes are looked at before any of them is copied. In JSON that
// is itself a string every fourth byte is special, and to look for each where the
// one before it ended would be to wait for each.
const block = 64

// marks returns which bytes of the block at the start of s are special. The lowest
// bit is that of the first byte.
func marks[T string | []byte](s T) (m uint64) {
	s = s[:block]
	for i := 0; i < block; i += 8 {
		m |= gather(special(load(s[i:]))) << i
	}
	return m
}

// gather makes one byte of the highest bits of eight. The product has each of them
// once in its highest byte, and nothing else there.
func gather(w uint64) uint64 { return w >> 7 * 0x0102040810204080 >> 56 }

// load returns the first eight bytes of s. The compiler makes one load of it.
func load[T string | []byte](s T) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// appendRun appends the first n bytes of s, which has at least eight.
func appendRun[T string | []byte](b []byte, s T, n int) []byte {
	if n <= 8 {
		return append(b, s[:8]...)[:len(b)+n] // nearly always, and without a call
	}
	return append(b, s[:n]...)
}

// appendUnquoted appends what the rest of a string means, up to the quote that ends
// it, and returns where that is: -1 if the string is not well-formed.
// Half of a pair of surrogates becomes U+FFFD; what is not UTF-8 stays.
func appendUnquoted(b []byte, s string) (_ []byte, end int) {
	i := 0
	for len(s)-i >= block+8 {
		if cap(b)-len(b) < block+8 {
			b = slices.Grow(b, len(s)-i) // once: what a string means is never longer than how it is written
		}
		part, from := s[i:], 0
		for m := marks(part); m != 0; m &= m - 1 {
			at := bits.TrailingZeros64(m)
			b = appendRun(b, part[from:], at-from)
			if part[at] != '\\' {
				return b, quoteAt(s, i+at)
			}
			if c := part[at+1]; (c == '"' || c == '\\' || c == '/') && at+1 < block { // nearly always: the next run begins with it
				m &^= 2 << uint(at)
				from = at + 1
				continue
			}
			n := 0
			if b, n = appendEscaped(b, part[at:]); n == 0 {
				return b, -1
			}
			m &^= (1<<uint(n) - 2) << uint(at) // the rest of the escape
			from = at + n
		}
		if from < block {
			b = append(b, part[from:block]...)
			from = block
		}
		i += from
	}
	for i < len(s) {
		switch c := s[i]; {
		case c == '"' || c < ' ':
			return b, quoteAt(s, i)
		case c == '\\':
			n := 0
			if b, n = appendEscaped(b, s[i:]); n == 0 {
				return b, -1
			}
			i += n
		default:
			b = append(b, c)
			i++
		}
	}
	return b, -1
}

// quoteAt returns i if that is where s has a quote, and -1 otherwise.
func quoteAt(s string, i int) int {
	if s[i] != '"' {
		return -1
	}
	return i
}

// unescaped has what a character behind a backslash stands for, and 0 for those that
// stand for nothing by themselves.
var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// appendEscaped appends what the escape at the start of s means, and returns its
// length: 0 if it is none.
func appendEscaped(b []byte, s string) (_ []byte, n int) {
	if len(s) < 2 {
		return b, 0
	}
	if c := unescaped[s[1]]; c != 0 {
		return append(b, c), 2
	}
	r, ok := hex4(s)
	if !ok {
		return b, 0
	}
	n = 6
	if utf16.IsSurrogate(r) {
		low, _ := hex4(s[6:])
		if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
			n = 12
		}
	}
	return utf8.AppendRune(b, r), n
}

// hex4 returns the number of an escape such as \u00e4 at the start of s.
func hex4(s string) (r rune, ok bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	for _, c := range []byte(s[2:6]) {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// AppendQuoted appends s as a JSON string. What is not UTF-8 becomes U+FFFD.
func AppendQuoted(b []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = string([]rune(s)) // which has U+FFFD for each byte that is not UTF-8
	}
	return AppendQuotedUTF8(b, s)
}

// AppendQuotedUTF8 is AppendQuoted for a string that is known to be UTF-8.
func AppendQuotedUTF8[T string | []byte](b []byte, s T) []byte {
	b, _ = AppendQuotedWithin(b, s, math.MaxInt)
	return b
}

// AppendQuotedWithin is AppendQuotedUTF8 for a result that may have at most max bytes.
// If it would have more, ok is false, and what was appended until then is of no use.
func AppendQuotedWithin[T string | []byte](b []byte, s T, max int) (_ []byte, ok bool) {
	start := len(b)
	b = append(b, '"')
	i := 0
	for ; len(s)-i >= block+8 && len(b)-start <= max; i += block {
		part, from := s[i:], 0
		for m := marks(part); m != 0; m &= m - 1 {
			at := bits.TrailingZeros64(m)
			b = append(appendRun(b, part[from:], at-from), '\\')
			if c := part[at]; c == '"' || c == '\\' { // nearly always: the next run begins with it
				from = at
			} else {
				b = appendControl(b, c)
				from = at + 1
			}
		}
		b = append(b, part[from:block]...)
	}
	for ; i < len(s) && len(b)-start <= max; i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = appendControl(append(b, '\\'), c)
		default:
			b = append(b, c)
		}
	}
	b = append(b, '"')
	return b, len(b)-start <= max
}

// escaped has the letters that stand for control characters, and 0 for those that
// have none.
var escaped = [' ']byte{'\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't'}

// appendControl appends what a control character has behind its backslash.
func appendControl(b []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	if short := escaped[c]; short != 0 {
		return append(b, short)
	}
	return append(b, 'u', '0', '0', hex[c>>4], hex[c&15])
}

// QuotedLen estimates the length of AppendQuoted's output. The estimate is exact for
// valid UTF-8 whose only control character is the newline, and otherwise too low.
func QuotedLen(s []byte) int {
	return len(s) + 2 + bytes.Count(s, []byte{'"'}) + bytes.Count(s, []byte{'\\'}) + bytes.Count(s, []byte{'\n'})
}
