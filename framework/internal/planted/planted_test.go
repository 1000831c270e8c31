package planted_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/routegate/routegate/framework/internal/planted"
)

// What looks for secrets finds them in each form, and only them.
func TestFinds(t *testing.T) {
	t.Parallel()
	s := planted.New()
	secret := s.Text("it")
	token := "Bearer e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"email":"`+secret+`@example.com","sub":"alice"}`)) + ".c2lnbmF0dXJl"
	for form, text := range map[string]string{
		"plain": "x" + secret, "cut": fmt.Sprintf("%.20s", secret), "header": strings.ToLower(secret),
		"hex": hex.EncodeToString([]byte("x" + secret)), "quoted": fmt.Sprintf("%q", secret), "token": token, "half a token": token[:len(token)/2+30],
		"base64": base64.StdEncoding.EncodeToString([]byte("{" + secret + "}")), "base64url": base64.URLEncoding.EncodeToString([]byte("{}" + secret + "?")),
		"percent": fmt.Sprintf("%%%X", secret[0]) + secret[1:],
	} {
		if found := s.In(text); !slices.Equal(found, []string{"it"}) {
			t.Errorf("%s: found %q in %q", form, found, text)
		}
	}
	if found := s.In(rand.Text() + `{"level":"INFO","msg":"request"}`); found != nil {
		t.Errorf("found %q", found)
	}
}

// Numbers that others write, such as the time, are not found in a form of a secret
// that is digits by chance. A secret of digits is.
func TestNumbers(t *testing.T) {
	t.Parallel()
	s := planted.New()
	s.Add("letters", "XWI64BXYZQRS")
	s.Add("digits", "444455556666")
	for text, want := range map[string][]string{
		`{"Timestamp":1795749363442}`: nil,
		"58574936344258595a":          {"letters"},
		"card 444455556666":           {"digits"},
	} {
		if found := s.In(text); !slices.Equal(found, want) {
			t.Errorf("found %q in %q, want %q", found, text, want)
		}
	}
}
