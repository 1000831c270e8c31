package bench

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
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

// A serverResult is what was measured of one contestant: medians of the rounds.
type serverResult struct {
	perSecond float64       // requests
	cpu       time.Duration // of the server's process, per request, system time included
}

// measureServer lets the contestants answer GET requests over HTTP on loopback,
// each in a process of its own, in turn, a round each. With distinct every
// request has another token, else all have the same. A round is count requests
// over connections that stay open; each contestant first has one that is not
// counted.
//
// Where client and server share the processors, requests a second say as much
// of the client as of the server. The time that the server's process was on a
// processor does not.
func measureServer(names []string, distinct bool, rounds, count int) (map[string]serverResult, error) {
	issuer, err := newServerIssuer()
	if err != nil {
		return nil, err
	}
	defer issuer.Close()
	tokens := []string{""}
	if distinct {
		tokens = make([]string, serverTokens)
	}
	if err := issuer.sign(tokens); err != nil {
		return nil, err
	}

	perSecond, cpu := map[string][]float64{}, map[string][]time.Duration{}
	contestants := map[string]*serverProcess{}
	for _, name := range names {
		p, err := startServer(name, issuer.URL)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		defer p.stop()
		contestants[name] = p
	}
	for round := range rounds + 1 {
		for _, name := range names {
			p := contestants[name]
			before, err := p.cpu()
			if err != nil {
				return nil, err
			}
			took, err := drive(p.addr, tokens, p.sent, count)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			p.sent += count
			after, err := p.cpu()
			if err != nil {
				return nil, err
			}
			if round > 0 {
				perSecond[name] = append(perSecond[name], float64(count)/took.Seconds())
				cpu[name] = append(cpu[name], (after-before)/time.Duration(count))
			}
		}
	}
	results := map[string]serverResult{}
	for _, name := range names {
		slices.Sort(perSecond[name])
		slices.Sort(cpu[name])
		results[name] = serverResult{perSecond[name][rounds/2], cpu[name][rounds/2]}
	}
	return results, nil
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

// sign fills tokens with tokens that go everywhere, no two alike.
func (i *serverIssuer) sign(tokens []string) error {
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", "key-0")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: i.key}, options)
	if err != nil {
		return err
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
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A serverProcess is a contestant that runs.
type serverProcess struct {
	addr string
	sent int // requests
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

const (
	serverContestantEnv = "ROUTEGATE_BENCH_SERVER" // the contestant's name
	serverIssuerEnv     = "ROUTEGATE_BENCH_ISSUER"
	serverProfileEnv    = "ROUTEGATE_BENCH_PROFILE" // a directory: Routegate's CPU profile goes there
)

// startServer runs this program again, which has to call serveContestant.
func startServer(name, issuer string) (*serverProcess, error) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestServerContestant$", "-test.timeout=0")
	cmd.Env = append(os.Environ(), serverContestantEnv+"="+name, serverIssuerEnv+"="+issuer)
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

// cpu returns for how long the process has been on a processor.
func (p *serverProcess) cpu() (time.Duration, error) {
	if _, err := io.WriteString(p.in, "cpu\n"); err != nil {
		return 0, err
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	return time.Duration(n), err
}

// serveContestant is the process of a contestant, if this is to be one: it says
// where it listens, then at each line of its input for how long it has been on a
// processor, and ends with its input. ok is false if this is none.
func serveContestant() (ok bool, err error) {
	name := os.Getenv(serverContestantEnv)
	if name == "" {
		return false, nil
	}
	contestant, known := serverContestants[name]
	if !known {
		return true, fmt.Errorf("no contestant %q", name)
	}
	h, err := contestant(context.Background(), os.Getenv(serverIssuerEnv))
	if err != nil {
		return true, err
	}
	server := httptest.NewUnstartedServer(h)
	// As in cmd/server.
	server.Config.ReadHeaderTimeout = 10 * time.Second
	server.Config.ReadTimeout = 40 * time.Second
	server.Config.WriteTimeout = 50 * time.Second
	server.Config.IdleTimeout = 90 * time.Second
	server.Config.MaxHeaderBytes = 8 << 10
	server.Config.DisableGeneralOptionsHandler = true
	server.Start()
	defer server.Close()
	if dir := os.Getenv(serverProfileEnv); dir != "" {
		f, err := os.CreateTemp(dir, name+"-*.pprof")
		if err != nil {
			return true, err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return true, err
		}
		defer pprof.StopCPUProfile()
	}
	fmt.Println(server.Listener.Addr())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			return true, err
		}
		fmt.Println(u.Utime.Nano() + u.Stime.Nano())
	}
	return true, nil
}
