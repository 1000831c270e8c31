package drift

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// parsePolicy reads the resource policy of a function, as lambda:GetPolicy returns it,
// and returns what each statement grants (IAM user guide, "JSON policy element
// reference"). Statements that deny are left out, because they only narrow others.
//
// Conditions only narrow a statement too. A condition that is not read makes a grant
// wider than it is, never narrower.
func parsePolicy(text string) ([]policyStatement, error) {
	var doc struct{ Statement json.RawMessage }
	if err := readJSON([]byte(text), &doc); err != nil {
		return nil, fmt.Errorf("the function's resource policy: %w", err)
	}
	var list []rawStatement
	if json.Unmarshal(doc.Statement, &list) != nil {
		var one rawStatement
		if err := json.Unmarshal(doc.Statement, &one); err != nil {
			return nil, fmt.Errorf("the function's resource policy: a statement: %w", err)
		}
		list = []rawStatement{one}
	}
	var out []policyStatement
	for i, s := range list {
		if strings.EqualFold(s.Effect, "Deny") {
			continue
		}
		name := s.Sid
		if name == "" {
			name = fmt.Sprintf("statement %d", i+1)
		}
		g, err := s.grant()
		if err != nil {
			return nil, fmt.Errorf("the function's resource policy: %s: %w", name, err)
		}
		out = append(out, policyStatement{name, g})
	}
	return out, nil
}

type policyStatement struct {
	name string
	grant
}

type rawStatement struct {
	Sid, Effect             string
	Action, NotAction       oneOrMore
	Principal, NotPrincipal json.RawMessage
	Condition               map[string]map[string]oneOrMore
}

// oneOrMore is a string or a list of strings.
type oneOrMore []string

func (o *oneOrMore) UnmarshalJSON(data []byte) error {
	var one any
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	items, ok := one.([]any)
	if !ok {
		items = []any{one}
	}
	for _, item := range items {
		*o = append(*o, fmt.Sprint(item)) // a condition may have a bool or a number
	}
	return nil
}

func (s *rawStatement) grant() (grant, error) {
	g := grant{actions: s.Action}
	if s.NotAction != nil {
		g.actions = []string{"*"}
	}
	switch {
	case s.NotPrincipal != nil:
		g.principals = []string{"*"}
	case len(s.Principal) > 0 && s.Principal[0] == '{':
		var kinds map[string]oneOrMore
		if err := json.Unmarshal(s.Principal, &kinds); err != nil {
			return g, fmt.Errorf("principal: %w", err)
		}
		for _, names := range kinds {
			g.principals = append(g.principals, names...)
		}
		slices.Sort(g.principals)
	default:
		var names oneOrMore
		if err := json.Unmarshal(s.Principal, &names); err != nil {
			return g, fmt.Errorf("principal: %w", err)
		}
		g.principals = names
	}
	g.readConditions(s.Condition)
	return g, nil
}

// readConditions reads the conditions that say which service calls, and through what.
// An operator that also holds if the key is missing says nothing.
func (g *grant) readConditions(conditions map[string]map[string]oneOrMore) {
	var unread []string
	for operator, keys := range conditions {
		operator = strings.TrimPrefix(strings.ToLower(operator), "foranyvalue:")
		for key, values := range keys {
			switch name := strings.ToLower(key); {
			case name == "aws:sourcearn" && slices.Contains([]string{"arnlike", "arnequals", "stringlike", "stringequals"}, operator):
				g.sources = append(g.sources, values...)
			case name == "aws:sourceaccount" && (operator == "stringequals" || operator == "stringlike"):
				g.account = strings.Join(values, ", ")
			case name == "lambda:functionurlauthtype" && operator == "stringequals":
				g.urlAuth = strings.Join(values, ", ")
			case name == "lambda:invokedviafunctionurl" && operator == "bool" && slices.Equal(values, []string{"true"}):
				g.viaURL = true
			default:
				unread = append(unread, key)
			}
		}
	}
	slices.Sort(g.sources)
	if len(unread) > 0 {
		slices.Sort(unread)
		g.detailExtra = ", with conditions that are not read: " + strings.Join(unread, ", ")
	}
}
