package drift

import (
	"encoding/json"
	"errors"
	"strings"
)

// A modulePath is the address of one instance of a module. nil is the root module.
type modulePath []moduleStep

type moduleStep struct {
	name  string
	index string // the key of the instance as JSON, "" without count and for_each
}

// String returns the address, such as `module.api["one"]`.
func (p modulePath) String() string {
	var b strings.Builder
	for i, step := range p {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString("module." + step.name)
		if step.index != "" {
			b.WriteString("[" + step.index + "]")
		}
	}
	return b.String()
}

// resourceKey is where a terraform has the instances of a resource.
func resourceKey(module modulePath, kind, name string) string {
	return module.String() + " " + kind + "." + name
}

// instanceKey is where a terraform has the instances of a module.
func instanceKey(parent modulePath, name string) string { return parent.String() + " " + name }

// A token is a name of an address, or an index as JSON.
type token struct {
	text    string
	isIndex bool
}

// parseAddress splits an address or a reference, such as
// `module.a["x.y"].aws_lambda_function.f[0].arn`, into its tokens.
func parseAddress(s string) ([]token, error) {
	var tokens []token
	for s != "" {
		if s[0] == '[' {
			end := strings.IndexByte(s, ']')
			if len(s) > 1 && s[1] == '"' {
				end = 2
				for end < len(s) && s[end] != '"' {
					if s[end] == '\\' {
						end++
					}
					end++
				}
				end++
			}
			if end <= 0 || end >= len(s) || s[end] != ']' {
				return nil, errors.New("the address has an index without an end")
			}
			index := s[1:end]
			if !json.Valid([]byte(index)) {
				return nil, errors.New("the address has an invalid index")
			}
			tokens = append(tokens, token{canonicalIndex(index), true})
			s = s[end+1:]
			if s != "" && s[0] == '.' {
				s = s[1:]
			}
			continue
		}
		end := strings.IndexAny(s, ".[")
		if end < 0 {
			end = len(s)
		}
		if end == 0 {
			return nil, errors.New("the address has an empty name")
		}
		tokens = append(tokens, token{text: s[:end]})
		s = s[end:]
		if s != "" && s[0] == '.' {
			s = s[1:]
		}
	}
	return tokens, nil
}

// canonicalIndex writes an index in one way. Terraform escapes a character in an
// address in another way than in JSON.
func canonicalIndex(index string) string {
	var s string
	if json.Unmarshal([]byte(index), &s) != nil {
		return strings.TrimSpace(index)
	}
	canonical, _ := json.Marshal(s)
	return string(canonical)
}

// parseModule reads the address of an instance of a module.
func parseModule(address string) (modulePath, error) {
	tokens, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	var path modulePath
	for len(tokens) > 0 {
		if len(tokens) < 2 || tokens[0].text != "module" || tokens[1].isIndex {
			return nil, errors.New("it is not the address of a module")
		}
		step := moduleStep{name: tokens[1].text}
		tokens = tokens[2:]
		if len(tokens) > 0 && tokens[0].isIndex {
			step.index = tokens[0].text
			tokens = tokens[1:]
		}
		path = append(path, step)
	}
	return path, nil
}

// resourceName returns the name of a resource in its address.
func resourceName(address string) string {
	tokens, err := parseAddress(address)
	if err != nil {
		return ""
	}
	for len(tokens) > 0 && tokens[len(tokens)-1].isIndex {
		tokens = tokens[:len(tokens)-1]
	}
	if len(tokens) == 0 {
		return ""
	}
	return tokens[len(tokens)-1].text
}
