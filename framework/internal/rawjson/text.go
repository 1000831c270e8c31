package rawjson

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// plainRun returns where the run of characters that begins at s[i] ends: at the
// first quote, backslash or control character, or at the end of s. ascii tells
// whether the run has ASCII only.
func plainRun(s string, i int) (end int, ascii bool) {
	var all uint64 // the bytes of the run, one on the other
	for i+8 <= len(s) {
		w := load(s[i:])
		if found := special(w); found != 0 {
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

// special looks at eight bytes at a time, since most of an event is inside
// strings. For each byte that is a quote, a backslash or a control character, the
// highest bit of its part of the result is set. A borrow can set that of later
// bytes too, but never of an earlier one, so that only the lowest counts.
func special(w uint64) uint64 {
	return (less(w, ' ') | less(w^(ones*'"'), 1) | less(w^(ones*'\\'), 1)) & highest
}

const (
	ones    = 0x0101010101010101
	highest = 0x8080808080808080
)

// less has the highest bit of each byte set that is less than n, which is at most
// 128 (Warren, Hacker's Delight, section 6-1).
func less(w uint64, n uint64) uint64 { return (w - ones*n) &^ w }

// load returns the first eight bytes of s. The compiler makes one load of it.
func load(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// appendUnquoted appends what a string means, given what stands between its
// quotes and was found to be well-formed. What is not UTF-8, and half of a pair of
// surrogates, becomes U+FFFD.
func appendUnquoted(b []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = string([]rune(s)) // which has U+FFFD for each byte that is not UTF-8
	}
	b = slices.Grow(b, len(s)+8) // no text is longer than it is written
	i := 0
	for len(s)-i >= 8 {
		// Eight bytes are written, of which those in front of a backslash count.
		w := load(s[i:])
		n := 8
		if found := less(w^(ones*'\\'), 1) & highest; found != 0 {
			n = bits.TrailingZeros64(found) / 8
		}
		b = binary.LittleEndian.AppendUint64(b, w)[:len(b)+n]
		if i += n; n == 8 {
			continue
		}
		if c := s[i+1]; c == '"' || c == '\\' || c == '/' { // nearly always
			b = append(b, c)
			i += 2
			continue
		}
		b, s = appendEscaped(b, s[i:])
		i = 0
	}
	for s = s[i:]; s != ""; {
		if s[0] == '\\' {
			b, s = appendEscaped(b, s)
			continue
		}
		b = append(b, s[0])
		s = s[1:]
	}
	return b
}

// appendEscaped appends what the escape at the start of s means, and returns what
// is behind it.
func appendEscaped(b []byte, s string) ([]byte, string) {
	switch c := s[1]; c {
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
		r, _ := hex4(s)
		if utf16.IsSurrogate(r) {
			low, _ := hex4(s[6:])
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				s = s[6:]
			}
		}
		return utf8.AppendRune(b, r), s[6:]
	default:
		b = append(b, c)
	}
	return b, s[2:]
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
	b = append(b, '"')
	for i := 0; ; {
		// JSON in JSON has a quote every few bytes.
		end := i
		for end < len(s) && isPlain[s[end]] {
			end++
		}
		b = append(b, s[i:end]...)
		if i = end; i == len(s) {
			return append(b, '"')
		}
		if c := s[i]; c == '"' {
			b = append(b, '\\', c)
			i++
		} else {
			b, i = appendRune(b, s, i)
		}
	}
}

// isPlain tells which bytes stand for themselves in a JSON string, and need no
// look at their neighbours.
var isPlain = func() (plain [256]bool) {
	for c := byte(' '); c < utf8.RuneSelf; c++ {
		plain[c] = c != '"' && c != '\\'
	}
	return plain
}()

// appendRune appends the character at s[i], whose byte there is not plain, and
// returns where the next one is.
func appendRune[T string | []byte](b []byte, s T, i int) ([]byte, int) {
	const hex = "0123456789abcdef"
	switch c := s[i]; {
	case c == '"' || c == '\\':
		return append(b, '\\', c), i + 1
	case c == '\b':
		return append(b, '\\', 'b'), i + 1
	case c == '\f':
		return append(b, '\\', 'f'), i + 1
	case c == '\n':
		return append(b, '\\', 'n'), i + 1
	case c == '\r':
		return append(b, '\\', 'r'), i + 1
	case c == '\t':
		return append(b, '\\', 't'), i + 1
	case c < ' ':
		return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15]), i + 1
	}
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
	return b, i + size
}

// QuotedLen is about how many bytes AppendQuoted appends: exactly as many for ASCII
// without control characters but new lines.
func QuotedLen(s []byte) int {
	return len(s) + 2 + bytes.Count(s, []byte{'"'}) + bytes.Count(s, []byte{'\\'}) + bytes.Count(s, []byte{'\n'})
}
