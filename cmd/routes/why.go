package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/routegate/routegate/cmd/internal/cli"
	"github.com/routegate/routegate/framework"
	"github.com/routegate/routegate/framework/apigw"
	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/manifest"
	"github.com/routegate/routegate/framework/review"
	"github.com/routegate/routegate/framework/route"
)

const whyUsage = `usage: go run ./cmd/routes why METHOD PATH [flags]
       go run ./cmd/routes why -event file [flags]

Why shows each step that the gateway and the function take for a request, with
the line of the manifest that decides it, the outcome, and the smallest change
of the caller or of the manifest that would turn it round. PATH is without the
stage, and encoded as a client sends it.

Nobody calls, unless one of these says who does:

  -auth jwt|iam     a token, or an IAM caller
  -groups A,B       a token with these groups
  -scopes a,b       a token with these scopes
  -sub NAME         a token of this subject, which decides nothing
  -token file       the token, a JWT, in the file; of what the gateway checks of
                    it, its signature, issuer and audience are not checked here
  -event file       the caller and the request of an event, in JSON, as the
                    function got it

  -groups-claim c   the claim with the groups, or a JSON list of keys, for -token
                    and -event; default: $JWT_AUTHORIZATION_GROUPS_ATTR_NAME,
                    else groups
  -manifest file    default: routes.yaml
  -json             print JSON

Tokens are not printed, nor are other claims than sub, groups and scopes.

exit codes: 0 answered, whatever the outcome; 1 the manifest is wrong; 2 wrong
usage; 3 could not be done, such as with a token that is none
`

// A whyCall is what the command line asks.
type whyCall struct {
	*call
	auth, sub, token, event, claim string
	groups, scopes                 nameList
	asJSON                         bool
}

// why explains the answer to one request.
func (c *call) why() int {
	w := &whyCall{call: c}
	args, code, ok := c.parse(whyUsage, nil, 2, w.define)
	if !ok {
		return code
	}
	q, notes, code, ok := w.question(args)
	if !ok {
		return code
	}
	table, code, ok := c.table()
	if !ok {
		return code
	}
	x := review.Why(table, q)
	x.Notes = append(append(notes, w.unknownNames(table)...), x.Notes...)
	if w.asJSON {
		return c.done(exitFine, w.printJSON(x, q))
	}
	return c.done(exitFine, w.printText(x))
}

func (w *whyCall) define(flags *flag.FlagSet) {
	flags.StringVar(&w.auth, "auth", "", "")
	flags.Var(&w.groups, "groups", "")
	flags.Var(&w.scopes, "scopes", "")
	flags.StringVar(&w.sub, "sub", "", "")
	flags.StringVar(&w.token, "token", "", "")
	flags.StringVar(&w.event, "event", "", "")
	flags.StringVar(&w.claim, "groups-claim", "", "")
	flags.BoolVar(&w.asJSON, "json", false, "")
}

// A nameList is a flag with names between commas, which may be given more than
// once.
type nameList []string

func (l *nameList) String() string { return strings.Join(*l, ",") }

func (l *nameList) Set(s string) error {
	for name := range strings.SplitSeq(s, ",") {
		if name = strings.TrimSpace(name); name == "" {
			return errors.New("a name is empty")
		}
		*l = append(*l, name)
	}
	return nil
}

// question makes the question that the command line asks. When ok is false the
// call is over with the exit code.
func (w *whyCall) question(args []string) (q review.Question, notes []string, code int, ok bool) {
	wrong := func(format string, args ...any) (review.Question, []string, int, bool) {
		return review.Question{}, nil, w.misuse(format, args...), false
	}
	if err := w.contradiction(); err != nil {
		return wrong("%v", err)
	}
	missing := cli.Missing([]string{"METHOD", "PATH"}, args)
	switch {
	case w.event == "" && missing != nil:
		return wrong("%v, such as GET /v1/users/42", missing)
	case w.event != "" && len(args) > 0:
		return wrong("unexpected argument %q: the event has the method and the path", args[0])
	case w.event == "":
		note, err := w.readRequest(args[0], args[1], &q)
		if err != nil {
			return wrong("%v", err)
		}
		if note != "" {
			notes = append(notes, note)
		}
	}
	claim, err := w.groupsClaim()
	if err != nil {
		return wrong("%v", err)
	}
	switch {
	case w.event != "":
		err = w.readEvent(claim, &q)
	case w.token != "":
		var more []string
		more, err = w.readToken(claim, &q)
		notes = append(notes, more...)
	default:
		q.Caller = w.caller()
	}
	if err != nil {
		return review.Question{}, nil, w.fail(err), false
	}
	return q, notes, exitFine, true
}

// contradiction finds flags that say more than one thing of the caller.
func (w *whyCall) contradiction() error {
	described := w.auth != "" || w.sub != "" || len(w.groups) > 0 || len(w.scopes) > 0
	switch {
	case w.auth != "" && w.auth != "jwt" && w.auth != "iam":
		return fmt.Errorf("-auth %q: must be jwt or iam", w.auth)
	case w.auth == "iam" && (len(w.groups) > 0 || len(w.scopes) > 0):
		return errors.New("an iam caller has no token, so no groups and no scopes")
	case w.token != "" && w.event != "":
		return errors.New("-token and -event both say who calls")
	case described && w.token != "":
		return errors.New("-token says who calls, so -auth, -groups, -scopes and -sub cannot")
	case described && w.event != "":
		return errors.New("-event says who calls, so -auth, -groups, -scopes and -sub cannot")
	case w.claim != "" && w.token == "" && w.event == "":
		return errors.New("-groups-claim is for -token and -event")
	}
	return nil
}

// caller returns the caller that the flags describe.
func (w *whyCall) caller() route.Caller {
	switch {
	case w.auth == "iam":
		return route.Caller{Auth: route.IAM, Principal: route.Principal{Subject: w.sub}}
	case w.auth == "" && w.sub == "" && len(w.groups) == 0 && len(w.scopes) == 0:
		return route.Caller{}
	}
	c := review.Token(w.groups, w.scopes)
	c.Principal.Subject = w.sub
	return c
}

// groupsClaim returns the path of the claim that has the groups, nil for the
// default. The flag is written as the environment's variable is.
func (w *whyCall) groupsClaim() (path []string, err error) {
	switch {
	case w.token == "" && w.event == "":
		return nil, nil
	case w.claim == "":
		opts, err := framework.OptionsFromEnv()
		return opts.GroupsClaim, err
	case !strings.HasPrefix(w.claim, "["):
		return []string{w.claim}, nil
	}
	if err := json.Unmarshal([]byte(w.claim), &path); err != nil || len(path) == 0 || slices.Contains(path, "") {
		return nil, fmt.Errorf("-groups-claim: %q is not a JSON list of keys", w.claim)
	}
	return path, nil
}

// unknownNames tells of groups and scopes of the command line that the manifest
// does not have: most likely they are misspelt.
func (w *whyCall) unknownNames(t *route.Table) []string {
	var notes []string
	find := func(noun string, names, known []string) {
		for _, name := range names {
			if !slices.Contains(known, name) {
				notes = append(notes, fmt.Sprintf("the manifest has no %s %q%s", noun, name, manifest.Suggest(name, known)))
			}
		}
	}
	find("group", w.groups, t.Groups())
	find("scope", w.scopes, t.Scopes())
	return notes
}

// readRequest checks the method and the path, and returns what there is to say of
// them.
func (w *whyCall) readRequest(method, path string, q *review.Question) (note string, err error) {
	switch {
	case method == route.AnyMethod:
		return "", errors.New("ANY is no request's method: ask for one that it takes, such as GET")
	case !slices.Contains(route.Methods, method):
		if upper := strings.ToUpper(method); slices.Contains(route.Methods, upper) {
			return "", fmt.Errorf("unknown method %q, did you mean %q?", method, upper)
		}
		return "", fmt.Errorf("unknown method %q: routes have %s", method, strings.Join(route.Methods, ", "))
	case !strings.HasPrefix(path, "/"):
		return "", fmt.Errorf("path %q must start with \"/\": neither host nor stage", path)
	}
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		note = fmt.Sprintf("%q decides nothing: only the path does", path[i:])
		path = path[:i]
	}
	if i := strings.IndexFunc(path, func(c rune) bool { return c <= ' ' || c == 0x7f }); i >= 0 {
		return "", fmt.Errorf("path %q has the character %q, which a client sends as %q", path, path[i], url.PathEscape(path[i:i+1]))
	}
	if _, err := url.PathUnescape(path); err != nil {
		return "", fmt.Errorf("path %q: a %% must be followed by two hexadecimal digits", path)
	}
	q.Method, q.Path = method, path
	return note, nil
}

// readEvent reads an event, and who its gateway says is calling.
func (w *whyCall) readEvent(claim []string, q *review.Question) error {
	payload, err := os.ReadFile(w.event)
	if err != nil {
		return fmt.Errorf("cannot read the event: %w", err)
	}
	q.Event, err = apigw.Decode(payload)
	if err != nil {
		return fmt.Errorf("%s: %w", w.event, err)
	}
	q.Caller = framework.CallerFrom(q.Event, claim)
	return nil
}

// readToken reads a token, and who the function would take its bearer for.
func (w *whyCall) readToken(claim []string, q *review.Question) (notes []string, err error) {
	token, err := readTokenFile(w.token)
	if err != nil {
		return nil, err
	}
	claims, refused, err := gateway.Inspect(token, time.Now())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", w.token, err)
	}
	if refused != nil {
		q.Refused = refused.Reason
	}
	event, err := tokenEvent(token, claims)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", w.token, err)
	}
	if q.Caller = framework.CallerFrom(event, claim); q.Caller.Mismatch {
		// The gateway reads a token otherwise than the function, and takes it.
		q.Caller.Auth, q.Caller.Principal.Scopes = route.JWT, gateway.Scopes(claims)
	}
	notes = []string{"not checked: the token's signature, and its issuer and audience against the gateway's"}
	if claim == nil {
		claim = []string{"groups"}
	}
	if !hasClaim(claims, claim) {
		name := fmt.Sprintf("%q", claim[0])
		if len(claim) > 1 {
			name = fmt.Sprintf("%q", claim)
		}
		notes = append(notes, "the token has no claim "+name+", from which groups are read: -groups-claim names another")
	}
	return notes, nil
}

// hasClaim reports whether there is a claim where a path of keys leads.
func hasClaim(claims map[string]any, path []string) bool {
	claim, ok := claims[path[0]]
	if !ok || len(path) == 1 {
		return ok
	}
	inner, _ := claim.(map[string]any)
	return hasClaim(inner, path[1:])
}

// readTokenFile reads a file that has a token, in which it may stand behind "Bearer"
// and end in a line break. Whoever names the token instead does not find it again in
// the error.
func readTokenFile(name string) (token string, err error) {
	text, err := os.ReadFile(name)
	switch {
	case err != nil && strings.Count(name, ".") >= 2:
		return "", errors.New("cannot read the token: -token takes the name of a file that has it")
	case err != nil:
		return "", fmt.Errorf("cannot read the token: %w", err)
	}
	return strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(string(text)), "Bearer ")), nil
}

// tokenEvent returns an event as the gateway makes it once it has verified the
// token.
func tokenEvent(token string, claims map[string]any) (*apigw.Event, error) {
	type object = map[string]any
	texts := make(map[string]string)
	for name, value := range claims {
		if text, ok := apigw.HTTPAPIClaims.Text(name, value); ok {
			texts[name] = text
		}
	}
	payload, err := json.Marshal(object{
		"version": "2.0", "rawPath": "/", "headers": object{"authorization": "Bearer " + token},
		"requestContext": object{
			"http":       object{"method": "GET", "path": "/"},
			"authorizer": object{"jwt": object{"claims": texts}},
		},
	})
	if err != nil {
		return nil, err
	}
	return apigw.Decode(payload)
}
