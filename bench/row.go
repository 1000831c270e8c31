package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// A section is rows that have something in common.
type section struct {
	title string // what was measured
	rows  []row
}

// A row is one line of the table.
type row struct {
	name     string  // of what, or compared with what
	limit    float64 // at most; 0 where there is nothing to miss
	measured float64
	unit     string // "x" for a ratio
	detail   string // the figures behind it
	steady   bool   // it does not depend on how busy the machine is
}

func (r row) missed() bool { return r.limit > 0 && r.measured > r.limit }

// printSections writes the table.
func printSections(w io.Writer, sections []section) error {
	lines := [][4]string{{"", "", "AT MOST", "MEASURED"}}
	details := []string{"FIGURES"}
	for _, s := range sections {
		for _, r := range s.rows {
			verdict, limit := "", "-"
			if r.limit > 0 {
				verdict, limit = "ok", r.figure(r.limit)
			}
			if r.missed() {
				verdict = "MISSED"
			}
			lines = append(lines, [4]string{verdict, r.name, limit, r.figure(r.measured)})
			details = append(details, r.detail)
		}
	}
	var widths [4]int
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	print := func(i int) {
		var line strings.Builder
		for column, cell := range lines[i] {
			fmt.Fprintf(&line, "%-*s  ", widths[column], cell)
		}
		b.WriteString(strings.TrimRight(line.String()+details[i], " ") + "\n")
	}
	print(0)
	next := 1
	for _, s := range sections {
		b.WriteString("\n" + s.title + "\n")
		for range s.rows {
			print(next)
			next++
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r row) figure(v float64) string {
	switch r.unit {
	case "x":
		return fmt.Sprintf("%.2f x", v)
	case "s":
		return fmt.Sprintf("%.2f s", v)
	}
	return fmt.Sprintf("%s %s", thousands(int(v)), r.unit)
}

func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
