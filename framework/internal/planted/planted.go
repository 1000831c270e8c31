// Package planted finds secrets that a test has planted, wherever a client, a token
// or a gateway can put something, in what a program logs and answers.
//
// It looks for ten characters of a secret in each form in which one could be
// written: as it stands, in lower case, in base64 of either alphabet, in
// hexadecimal, and with each character escaped as in a URL or in JSON.
package planted

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Secrets are texts that no one else writes, by what they stand for.
type Secrets struct {
	parts map[string]string // what they stand for, by each piece of each form of them
}

// pieceLen is how much of a form is enough to be found: what is cut off is found
// too, and nobody writes that much by chance.
const pieceLen = 10

// New returns no secrets yet.
func New() *Secrets { return &Secrets{parts: map[string]string{}} }

// Text makes a text to plant, of letters and digits, so that it can stand everywhere.
func (s *Secrets) Text(name string) string {
	text := rand.Text()
	s.Add(name, text)
	return text
}

// Add takes a text, of at least ten characters, that is planted already.
func (s *Secrets) Add(name, text string) {
	// Digits alone count only where the text itself has them: WI64B is 5749363442 in
	// hexadecimal, and so may be a part of the time in milliseconds.
	add := func(form string) {
		for i := 0; i+pieceLen <= len(form); i++ {
			piece := form[i : i+pieceLen]
			if strings.Trim(piece, "0123456789") != "" || strings.Contains(text, piece) {
				s.parts[piece] = name
			}
		}
	}
	for _, text := range []string{text, strings.ToLower(text)} {
		add(text)
		add(hex.EncodeToString([]byte(text)))
		add(fmt.Sprintf("%X", text))
		percent, backslash := "", ""
		for _, c := range []byte(text) {
			percent += fmt.Sprintf("%%%02X", c)
			backslash += fmt.Sprintf(`\u%04x`, c)
		}
		add(percent)
		add(backslash)
		// In base64 a text looks in three ways, by where it stands. The characters
		// at its ends hold bits of what is next to it.
		for before := range 3 {
			all := append(make([]byte, before), text...)
			all = all[:len(all)/3*3]
			for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				add(e.EncodeToString(all)[(before*8+5)/6:])
			}
		}
	}
}

// In returns what of the secrets a text has.
func (s *Secrets) In(text string) (found []string) {
	for i := 0; i+pieceLen <= len(text); i++ {
		if name, ok := s.parts[text[i:i+pieceLen]]; ok && !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	return found
}
