package route

import (
	"slices"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/routegate/routegate/framework/manifest"
)

// maxCompared is how many names of a vocabulary reportSimilar compares with each
// other. A hostile manifest has a million names, an API has tens.
const maxCompared = 300

// reportSimilar warns about names that are probably misspelt: a name that only
// one route asks for, or that only tests have, and that is nearly another name.
//
// A manifest that declares its names needs no such guess. check reports every
// other name there, and two declared names that are nearly the same are both
// meant.
func (v *vocabulary) reportSimilar(report *manifest.Report) {
	if v.closed || len(v.used)+len(v.tested) > maxCompared {
		return
	}
	names := make([]string, 0, len(v.used))
	for name := range v.used {
		names = append(names, name)
	}
	slices.Sort(names)
	warn := func(name string, at manifest.Span, found string) {
		other := v.original(name, names)
		if other == "" {
			return
		}
		quote := strconv.Quote
		if isASCII(name) != isASCII(other) {
			quote = strconv.QuoteToASCII // because the letters can look the same
		}
		report.Add(manifest.Diagnostic{
			Span: at, Severity: manifest.Warning, Rule: "similar-" + v.noun,
			Message: v.noun + " " + quote(name) + " " + found + ", did you mean " + quote(other) +
				`? If both exist, declare them in "` + v.noun + `s" at the top`,
			Related: []manifest.Related{{Span: v.used[other].first, Message: "the other one"}},
		})
	}
	for _, name := range names {
		if use := v.used[name]; use.routes == 1 {
			warn(name, use.first, "is used by one route only")
		}
	}
	for name, at := range v.tested {
		if v.used[name].routes == 0 {
			warn(name, at, "is used by no route")
		}
	}
}

// original returns the name that name is probably a misspelling of, or "". Of two
// names that one route each asks for, the one that comes first in the file counts
// as correct. Otherwise the more common name does.
func (v *vocabulary) original(name string, names []string) string {
	best, use := "", v.used[name]
	for _, other := range names {
		o := v.used[other]
		correct := use.routes == 0 || o.routes > 1 || o.first.Line < use.first.Line ||
			o.first.Line == use.first.Line && o.first.Column < use.first.Column
		if correct && o.routes > v.used[best].routes && misspelt(name, other) {
			best = other
		}
	}
	return best
}

// misspelt reports whether one of two different names is probably a misspelling of
// the other. They then differ in case only, or one character was left out,
// inserted or changed, or two neighbours were swapped.
//
// These pairs are two names rather than a misspelling:
//   - ROLE1 and ROLE2, v1 and v12: a digit tells them apart
//   - HR and PR, orders:r and orders:rw, teamA and teamB: the word is short
//   - READER and LEADER, GROUPX and GROUPY: the first or last letter was changed
//   - 営業一部 and 営業二部: a letter can be a word
//
// An ASCII letter that became another one is a misspelling wherever it stands, such
// as the Latin A that became a Cyrillic А.
func misspelt(a, b string) bool {
	s, t := []rune(a), []rune(b)
	if len(s) > len(t) {
		s, t = t, s
	}
	longer := len(t) - len(s)
	if longer > 1 {
		return false
	}
	at := 0
	for at < len(s) && sameLetter(s[at], t[at]) {
		at++
	}
	end := len(s)
	for end > at && sameLetter(s[end-1], t[end-1+longer]) {
		end--
	}
	if at == len(t) {
		return true
	}
	x, y := s[at:end], t[at:end+longer] // the parts that differ
	if slices.ContainsFunc(x, isSignificant) || slices.ContainsFunc(y, isSignificant) {
		return false
	}
	start, stop := wordAround(t, at)
	length := stop - start
	switch {
	case len(x) == 0 && len(y) == 1:
		return !unicode.IsLetter(y[0]) || length > 3
	case len(x) != len(y), len(x) == 1 && unicode.IsLetter(x[0]) != unicode.IsLetter(y[0]):
		return false
	case len(x) == 1 && !unicode.IsLetter(x[0]):
		return true
	case len(x) == 1:
		inside := start < at && at < stop-1
		return inside || length > 2 && (x[0] < utf8.RuneSelf) != (y[0] < utf8.RuneSelf)
	}
	return len(x) == 2 && length > 2 && sameLetter(x[0], y[1]) && sameLetter(x[1], y[0])
}

// isSignificant reports whether a character tells two names apart by itself. It is
// a digit, or a letter of a script without upper and lower case.
func isSignificant(c rune) bool { return unicode.IsDigit(c) || unicode.Is(unicode.Lo, c) }

func isASCII(s string) bool { return utf8.RuneCountInString(s) == len(s) }

func sameLetter(a, b rune) bool { return a == b || unicode.ToLower(a) == unicode.ToLower(b) }

// wordAround returns the bounds of the word that has the character at index at. A
// word ends where no letter follows, and before a capital letter that follows a
// small one.
func wordAround(name []rune, at int) (start, end int) {
	joined := func(i int) bool { // with the character before it
		a, b := name[i-1], name[i]
		return unicode.IsLetter(a) && unicode.IsLetter(b) && (unicode.IsUpper(a) || !unicode.IsUpper(b))
	}
	for start = at; start > 0 && joined(start); start-- {
	}
	for end = at + 1; end < len(name) && joined(end); end++ {
	}
	return start, end
}
