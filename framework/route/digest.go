package route

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strconv"
)

// Digest returns the SHA-256 digest, in hexadecimal, of what the table means:
// of every field of every route. Two manifests have the same digest if and only
// if they mean the same routes, whatever their order, their comments, their
// vocabularies and their tests. The function logs it when it starts, so that one
// can tell which manifest it was built from.
func (t *Table) Digest() string {
	if t.digest != "" {
		return t.digest
	}
	h := sha256.New()
	for _, r := range t.routes {
		writeTexts(h, r.Name, r.Method, r.Pattern.String(), r.Handler, r.Summary, r.Description,
			strconv.FormatBool(r.Deprecated), r.Access.Auth.String())
		for _, list := range [][]string{r.Tags, r.Access.Groups, r.Access.Scopes} {
			writeTexts(h, strconv.Itoa(len(list)))
			writeTexts(h, list...)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// writeTexts writes each text behind its length, so that no two lists of texts
// are written alike.
func writeTexts(h hash.Hash, texts ...string) {
	var b []byte
	for _, s := range texts {
		b = strconv.AppendInt(b[:0], int64(len(s)), 10)
		b = append(b, ':')
		b = append(b, s...)
		h.Write(b)
	}
}
