package rawjson

import (
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// plainRun returns where the run of characters that begins at s[i] ends: at the
// first quote, backslash or control character, or at the end of s. ascii tells
// whether the run has ASCII only.
//
// It looks at eight bytes at a time, since most of an event is inside strings. For
// a byte that is one of those, the highest bit of its part of found is set. A
// borrow can set that of later bytes too, but never of an earlier one.
func plainRun(s string, i int) (end int, ascii bool) {
	var all uint64 // the bytes of the run, one on the other
	for i+8 <= len(s) {
		w := load(s, i)
		found := (less(w, ' ') | less(w^(ones*'"'), 1) | less(w^(ones*'\\'), 1)) & highest
		if found != 0 {
			n := bits.TrailingZeros64(found) / 8
			all |= w & (1<<(8*n) - 1)
			return i + n, all&highest == 0
		}
		all |= w
		i += 8
	}
	for i < len(s) && s[i] >= ' ' && s[i] != '"' && s[i] != '\\' {
		all |= uint64(s[i])
		i++
	}
	return i, all&highest == 0
}

const (
	ones    = 0x0101010101010101
	highest = 0x8080808080808080
)

// less has the highest bit of each byte set that is less than n, which is at most
// 128 (Warren, Hacker's Delight, section 6-1).
func less(w uint64, n uint64) uint64 { return (w - ones*n) &^ w }

// load returns eight bytes of s. The compiler makes one load of it.
func load(s string, i int) uint64 {
	s = s[i : i+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// appendUnquoted appends what a string means, given what stands between its
// quotes and was found to be well-formed. What is not UTF-8, and half of a pair of
// surrogates, becomes U+FFFD.
func appendUnquoted(b []byte, s string) []byte {
	if cap(b)-len(b) < len(s) {
		b = append(make([]byte, 0, len(b)+len(s)), b...)
	}
	for i := 0; i < len(s); {
		end, ascii := plainRun(s, i)
		if run := s[i:end]; ascii || utf8.ValidString(run) {
			b = append(b, run...)
		} else {
			for _, r := range run { // which yields U+FFFD for what is not UTF-8
				b = utf8.AppendRune(b, r)
			}
		}
		if i = end; i == len(s) {
			break
		}
		switch c := s[i+1]; c {
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			r, _ := hex4(s[i:])
			if utf16.IsSurrogate(r) {
				low, _ := hex4(s[i+6:])
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			b = utf8.AppendRune(b, r)
			i += 4
		default:
			b = append(b, c)
		}
		i += 2
	}
	return b
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

// AppendQuoted appends s as a JSON string, as encoding/json writes it when it does
// not escape HTML. What is not UTF-8 becomes U+FFFD.
func AppendQuoted[T string | []byte](b []byte, s T) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); {
		end := i
		for end < len(s) && isPlain[s[end]] {
			end++
		}
		b = append(b, s[i:end]...)
		if i = end; i == len(s) {
			break
		}
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\b':
			b = append(b, '\\', 'b')
		case c == '\f':
			b = append(b, '\\', 'f')
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c == '\t':
			b = append(b, '\\', 't')
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			switch {
			case r == utf8.RuneError && size == 1:
				b = append(b, `\ufffd`...)
			case r == '\u2028' || r == '\u2029': // which JavaScript takes for line ends
				b = append(b, `\u202`...)
				b = append(b, hex[r&15])
			default:
				b = append(b, s[i:i+size]...)
			}
			i += size - 1
		}
		i++
	}
	return append(b, '"')
}

// isPlain tells which bytes stand for themselves in a JSON string, and need no
// look at their neighbours.
var isPlain = func() (plain [256]bool) {
	for c := byte(' '); c < utf8.RuneSelf; c++ {
		plain[c] = c != '"' && c != '\\'
	}
	return plain
}()
