package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/routegate/routegate/cmd/internal/cli"
	"github.com/routegate/routegate/framework/source"
)

// runToken prints a token of the running service's built-in issuer, and nothing
// else, so that it fits into a command line.
func runToken(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var addr, as, groups, scopes string
	flags := flag.NewFlagSet("local token", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&addr, "addr", "127.0.0.1:8080", "")
	flags.StringVar(&as, "as", "alice", "")
	flags.StringVar(&groups, "groups", "", "")
	flags.StringVar(&scopes, "scopes", "", "")
	err := cli.Parse(flags, args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		if _, err := fmt.Fprint(stdout, source.Here(usage)); err != nil {
			fmt.Fprintf(stderr, "local token: %v\n", err)
			return exitError
		}
		return exitFine
	case err != nil:
		fmt.Fprintf(stderr, "local token: %v\nrun local -h for help\n", err)
		return exitUsage
	}
	form := url.Values{"grant_type": {"password"}, "username": {as}, "password": {as}}
	flags.Visit(func(f *flag.Flag) {
		words := strings.Join(strings.FieldsFunc(f.Value.String(), func(c rune) bool { return c == ',' || c == ' ' }), " ")
		switch f.Name {
		case "groups":
			form.Set("groups", words)
		case "scopes":
			form.Set("scope", words)
		}
	})
	token, err := fetchToken(ctx, "http://"+addr+pagePath+"issuer/token", form)
	if err == nil {
		_, err = fmt.Fprintln(stdout, token)
	}
	if err != nil {
		fmt.Fprintf(stderr, "local token: %v\n", err)
		return exitError
	}
	return exitFine
}

func fetchToken(ctx context.Context, endpoint string, form url.Values) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	// This tells the issuer that the request is the user's and not the function's;
	// see tokenGate.
	req.Header.Set("Sec-Fetch-Site", "none")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("is %s running? %w", source.Here("go run ./cmd/local"), err)
	}
	defer resp.Body.Close()
	var answer struct {
		Token       string `json:"access_token"`
		Description string `json:"error_description"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&answer); err != nil || answer.Token == "" && answer.Description == "" {
		return "", fmt.Errorf("there is no built-in issuer at %s (%s)", endpoint, resp.Status)
	}
	if answer.Token == "" {
		return "", errors.New(answer.Description)
	}
	return answer.Token, nil
}
