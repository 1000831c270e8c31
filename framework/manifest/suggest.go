package manifest

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Suggest returns `, did you mean "x"?` for the candidate x that name is most
// likely a slip of, and "" when none is near. Among equally near ones it takes
// the first in the order of the alphabet.
func Suggest(name string, candidates []string) string {
	best := nearest(name, candidates)
	if best == "" {
		return ""
	}
	return ", did you mean " + Quote(best) + "?"
}

// nearest returns the candidate that Suggest suggests, or "".
func nearest(name string, candidates []string) string {
	// A slip changes a letter or two, in a long name three. More would suggest
	// names that are not alike.
	// And where every letter is changed nothing is alike.
	length := utf8.RuneCountInString(name)
	limit := min(3, 1+length/4, length-1) + 1
	best := ""
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		if d := distance(strings.ToLower(name), strings.ToLower(c), limit); d < limit && name != c {
			best, limit = c, d
		}
	}
	return best
}

// distance is the number of letters to insert, delete, change or swap with
// their neighbour to make b of a (the optimal string alignment distance), or
// limit if it is not less than that.
func distance(a, b string, limit int) int {
	s, t := []rune(a), []rune(b)
	if max(len(s)-len(t), len(t)-len(s)) >= limit {
		return limit
	}
	before, above, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(s); i++ {
		row[0] = i
		for j := 1; j <= len(t); j++ {
			change := 1
			if s[i-1] == t[j-1] {
				change = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+change)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return min(above[len(t)], limit)
}

// Quote quotes what the file says, as strconv.Quote does, but cut to what a
// reader wants to see of it: a file may say much, and say it often.
func Quote(s string) string {
	const most = 200
	if utf8.RuneCountInString(s) > most {
		s = string(firstRunes([]byte(s), most)) + "…"
	}
	return strconv.Quote(s)
}

func itoa(n int) string { return strconv.Itoa(n) }
