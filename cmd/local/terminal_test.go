package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestTerminalColours(t *testing.T) {
	terminalFile, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	defer terminalFile.Close()
	t.Setenv("NO_COLOR", "")
	if !newTerminal(terminalFile).colour {
		t.Error("a terminal gets no colours")
	}
	if newTerminal(new(bytes.Buffer)).colour {
		t.Error("a buffer gets colours")
	}
	t.Setenv("NO_COLOR", "1")
	if newTerminal(terminalFile).colour {
		t.Error("NO_COLOR is not obeyed")
	}
}

func TestTerminalRequest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		r    request
		want string
	}{
		{"fine", request{Method: "GET", Path: "/a?token=secret", Status: 200, Millis: 1.26}, "200 GET     /a  1.3 ms\n"},
		{"refused", request{Method: "DELETE", Path: "/a", Status: 403, Millis: 2, Reason: "missing_group: needs the group A", By: "function", Line: 7},
			"403 DELETE  /a  2.0 ms  function: missing_group: needs the group A (routes.yaml:7)\n"},
		{"no route", request{Method: "GET", Path: "/a", Status: 404, Reason: "no route", By: "gateway"}, "404 GET     /a  0.0 ms  gateway: no route\n"},
		{"warnings", request{Method: "GET", Path: "/a", Status: 200, Warnings: []string{"one", "two"}}, "200 GET     /a  0.0 ms\n    warning: one\n    warning: two\n"},
		{"escapes", request{Method: "GET", Path: "/\x1b[31m", Status: 200}, "200 GET     /\uFFFD[31m  0.0 ms\n"},
	}
	for _, test := range tests {
		var b bytes.Buffer
		newTerminal(&b).request(test.r, "routes.yaml")
		if b.String() != test.want {
			t.Errorf("%s: got %q, want %q", test.name, b.String(), test.want)
		}
	}
	var b bytes.Buffer
	coloured := &terminal{w: &b, colour: true}
	coloured.request(request{Method: "GET", Path: "/a", Status: 500}, "routes.yaml")
	if !strings.HasPrefix(b.String(), "\x1b[31m500\x1b[0m GET") {
		t.Errorf("got %q", b.String())
	}
}

func TestFirstRequest(t *testing.T) {
	t.Parallel()
	public := listedRoute{Method: "GET", Path: "/hc", Public: true, Line: 5}
	private := listedRoute{Method: "POST", Path: "/users/{id}/{rest+}"}
	token := listedRoute{Method: "POST", Path: "/auth/token", Public: true, Line: 1}
	docs := listedRoute{Method: "GET", Path: "/docs", Public: true, Line: 9}
	tests := []struct {
		st   state
		want string
	}{
		{state{Routes: []listedRoute{token, docs, public}}, "curl http://x/hc"}, // the first of the manifest that takes GET
		{state{Routes: []listedRoute{private, token}}, "curl -X POST http://x/auth/token"},
		{state{Routes: []listedRoute{private, public}, Stage: "/mvp"}, "curl http://x/mvp/hc"},
		{state{Routes: []listedRoute{private}, BuiltIn: true}, `curl -X POST -H "Authorization: Bearer $(go run ./cmd/local token -as alice)" http://x/users/id/rest`},
		{state{Routes: []listedRoute{private}}, "curl -X POST http://x/users/id/rest"},
	}
	for _, test := range tests {
		if got := firstRequest(test.st, "http://x"); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}
