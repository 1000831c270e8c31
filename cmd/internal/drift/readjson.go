package drift

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// readJSON decodes data, which must hold one JSON object and nothing else, into v.
// It refuses an object with a repeated key, because two readers could disagree on
// what the object means.
func readJSON(data []byte, v any) error {
	data, err := plainText(data)
	if err != nil {
		return err
	}
	if err := checkKeys(data); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return fmt.Errorf("%q is a %s, want another type", wrong.Field, wrong.Value)
		}
		return fmt.Errorf("not the right JSON: %w", err)
	}
	return nil
}

// plainText returns data without a byte order mark. The error names the formats
// that people often give instead of JSON.
func plainText(data []byte) ([]byte, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	start := bytes.TrimLeft(data, " \t\r\n")
	switch {
	case len(start) == 0:
		return nil, errors.New("it is empty")
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return nil, errors.New("it is UTF-16, as a redirection of older PowerShell writes it: want UTF-8")
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return nil, errors.New("it is a saved plan itself: want what terraform show -json prints of it")
	case !utf8.Valid(data):
		return nil, errors.New("it is not text in UTF-8")
	case start[0] != '{':
		return nil, fmt.Errorf("it is not a JSON object: it starts with %.12q", start)
	}
	return data, nil
}

// maxDepth limits how deeply JSON may be nested. Plans stay far below it.
const maxDepth = 1000

// checkKeys returns an error unless data is a single JSON object in which no object
// has a key twice.
func checkKeys(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var objects []map[string]bool // the keys so far of each open object; nil for an array
	isKey := false
	for {
		token, err := dec.Token()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return errors.New("the JSON ends too early: it is not whole")
		case err != nil:
			return fmt.Errorf("not JSON: %w, at byte %d", err, dec.InputOffset())
		}
		if len(objects) > maxDepth {
			return errors.New("the JSON is nested too deeply")
		}
		switch token {
		case json.Delim('{'):
			objects, isKey = append(objects, make(map[string]bool)), true
			continue
		case json.Delim('['):
			objects, isKey = append(objects, nil), false
			continue
		case json.Delim('}'), json.Delim(']'):
			objects = objects[:len(objects)-1]
		default:
			if isKey {
				keys, key := objects[len(objects)-1], token.(string)
				if keys[key] {
					return fmt.Errorf("an object has the key %q twice, at byte %d", key, dec.InputOffset())
				}
				keys[key], isKey = true, false
				continue
			}
		}
		if len(objects) == 0 {
			break
		}
		isKey = objects[len(objects)-1] != nil
	}
	if rest := bytes.TrimSpace(data[dec.InputOffset():]); len(rest) > 0 {
		return fmt.Errorf("there is more behind the JSON object, from byte %d on", dec.InputOffset())
	}
	return nil
}
