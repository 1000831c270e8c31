package main

import (
	"bufio"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// What a server is measured with.
const (
	serverRoutes = 300
	serverConns  = 8

	// serverTokens is how many tokens there are where each request brings
	// another. They come in turn, over and over, so there have to be more than
	// any cache of verified tokens holds: one that drops what was not used the
	// longest then never has the next.
	serverTokens = 12_000
)

// serverAudience is that of the tokens.
const serverAudience = "https://api.example.com"

// serverContestants are the names that bench/server knows: Routegate, its peers,
// and what does no more than nobody can do without.
var serverContestants = []string{"Routegate", "chi, auth0/go-jwt-middleware", "chi, go-chi/jwtauth", "net/http, crypto/rsa"}

// serverLimit is what Routegate may take of a peer's time: as much as makes for
// half as many requests again.
const serverLimit = 1 / 1.5

// measureServer lets the contestants answer GET requests over HTTP on loopback,
// each in a process of its own: all requests with one token, and each with
// another. A round is some requests to each, in turn, over connections that stay
// open; the first round does not count.
//
// Client and server share the processors, so that the time from the first request
// to the last says as much of the client as of the server. The time that the
// server's process was on a processor does not, and so that is what has a limit.
func measureServer(b *bench) ([]section, error) {
	issuer, err := newServerIssuer()
	if err != nil {
		return nil, err
	}
	defer issuer.Close()
	program, err := b.built("server", thisArch)
	if err != nil {
		return nil, err
	}
	one, err := issuer.tokens(1)
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(b.progress, "signing", serverTokens, "tokens")
	many, err := issuer.tokens(serverTokens)
	if err != nil {
		return nil, err
	}
	var sections []section
	for _, c := range []struct {
		title  string
		tokens []string
	}{{"the same token each time", one}, {"another token each time", many}} {
		cpu, took, err := b.raceServers(program, issuer.URL, c.tokens)
		if err != nil {
			return nil, err
		}
		on := section{title: fmt.Sprintf("cmd/server's handler, GET with %s, %d routes: time of its process on a processor", c.title, serverRoutes)}
		wall := section{title: "the same: time on the clock, the client's included"}
		least := len(serverContestants) - 1
		us := func(figures []float64) float64 { return median(figures) / 1e3 }
		for i, name := range serverContestants[1:least] {
			on.rows = append(on.rows, row{
				name: "to " + name, limit: serverLimit, measured: ratio(cpu[0], cpu[i+1]), unit: "x",
				detail: fmt.Sprintf("%.1f µs to %.1f µs", us(cpu[0]), us(cpu[i+1])),
			})
			wall.rows = append(wall.rows, row{
				name: "to " + name, measured: ratio(took[0], took[i+1]), unit: "x",
				detail: fmt.Sprintf("%.0f requests a second to %.0f", 1e9/median(took[0]), 1e9/median(took[i+1])),
			})
		}
		on.rows = append(on.rows, row{
			name: serverContestants[least] + " alone: to " + serverContestants[1], measured: ratio(cpu[least], cpu[1]), unit: "x",
			detail: fmt.Sprintf("%.1f µs to %.1f µs", us(cpu[least]), us(cpu[1])),
		})
		sections = append(sections, on, wall)
	}
	return sections, nil
}

// raceServers returns what a request took in each round, in nanoseconds, of each
// contestant: on a processor, and on the clock.
func (b *bench) raceServers(program, issuer string, tokens []string) (cpu, took [][]float64, err error) {
	contestants := make([]*serverProcess, len(serverContestants))
	for i, name := range serverContestants {
		p, err := startServer(program, name, issuer)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		defer p.stop()
		contestants[i] = p
	}
	cpu, took = make([][]float64, len(contestants)), make([][]float64, len(contestants))
	for round := range b.serverRounds + 1 {
		for i, p := range contestants {
			before, err := p.cpu()
			if err != nil {
				return nil, nil, err
			}
			clock, err := drive(p.addr, tokens, p.sent, b.serverTurn)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", serverContestants[i], err)
			}
			p.sent += b.serverTurn
			after, err := p.cpu()
			if err != nil {
				return nil, nil, err
			}
			if round > 0 {
				cpu[i] = append(cpu[i], (after-before)/float64(b.serverTurn))
				took[i] = append(took[i], float64(clock.Nanoseconds())/float64(b.serverTurn))
			}
		}
	}
	return cpu, took, nil
}

// A serverIssuer is an OpenID provider with one RSA key of 2048 bits.
type serverIssuer struct {
	*httptest.Server
	key *rsa.PrivateKey
}

func newServerIssuer() (*serverIssuer, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	i := &serverIssuer{key: key}
	keys := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "key-0", Use: "sig", Algorithm: "RS256"}}}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/keys" {
			_ = json.NewEncoder(w).Encode(keys)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	}))
	return i, nil
}

// tokens returns n tokens that go everywhere, no two alike.
func (i *serverIssuer) tokens(n int) ([]string, error) {
	tokens := make([]string, n)
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", "key-0")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: i.key}, options)
	if err != nil {
		return nil, err
	}
	now := time.Now().Unix()
	errs := make([]error, runtime.GOMAXPROCS(0))
	var running sync.WaitGroup
	for part := range errs {
		running.Go(func() {
			for n := part; n < len(tokens); n += len(errs) {
				// About what an identity provider puts into an access token.
				payload, _ := json.Marshal(map[string]any{
					"iss": i.URL, "aud": serverAudience, "sub": fmt.Sprintf("user-%06d", n),
					"iat": now - 60, "nbf": now - 60, "exp": now + 24*3600,
					"jti": rand.Text(), "client_id": "web", "token_use": "access", "auth_time": now - 60,
					"scope": "openid profile email orders/read orders/write", "groups": []string{"users", "staff"},
				})
				var jws *jose.JSONWebSignature
				if jws, errs[part] = signer.Sign(payload); errs[part] == nil {
					tokens[n], errs[part] = jws.CompactSerialize()
				}
				if errs[part] != nil {
					return
				}
			}
		})
	}
	running.Wait()
	return tokens, errors.Join(errs...)
}

// A serverProcess is a contestant that runs.
type serverProcess struct {
	addr string
	sent int // requests
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

func startServer(program, name, issuer string) (*serverProcess, error) {
	cmd := exec.Command(program, name, issuer, serverAudience, strconv.Itoa(serverRoutes))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &serverProcess{cmd: cmd, in: in, out: bufio.NewReader(out)}
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("it does not start: %w", err)
	}
	p.addr = strings.TrimSpace(line)
	return p, nil
}

// stop ends the process, which its input's end does.
func (p *serverProcess) stop() {
	p.in.Close()
	_, _ = io.Copy(io.Discard, p.out)
	_ = p.cmd.Wait()
}

// cpu returns for how many nanoseconds the process has been on a processor.
func (p *serverProcess) cpu() (float64, error) {
	if _, err := io.WriteString(p.in, "\n"); err != nil {
		return 0, err
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSpace(line), 64)
}
