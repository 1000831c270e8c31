package gateway

import (
	"container/list"
	"crypto/sha256"
	"sync"
)

// The bounds of what is kept of tokens. maxVerified is more callers than one
// process has at a time; maxVerifiedBytes, of payloads, is what as many usual
// tokens have.
const (
	maxVerified      = 4096
	maxVerifiedBytes = 4 << 20
)

// verified remembers signatures that were found good, those used last, since to
// check one takes longer than all else that is done for a request. That is all
// it vouches for: whether the key still is the issuer's, and what the claims
// say, is looked at for each request anew. So nothing in it can expire.
//
// Only what the issuer has signed for this API gets in. A caller can push out
// others' tokens with as many valid ones of its own, which costs them the time
// of a check.
type verified struct {
	mu      sync.Mutex
	byToken map[digest]*list.Element // of *verifiedToken
	recent  list.List                // the one used last in front
	bytes   int                      // of the payloads

	max, maxBytes int
}

// A digest is the SHA-256 of a whole token, its signature included. In place of
// the token it makes entries of one size, and leaves no credentials in memory.
type digest [sha256.Size]byte

// A verifiedToken is what a signature was found good for. It must not be changed.
type verifiedToken struct {
	digest  digest
	payload string
	kid     string
	key     any // the *rsa.PublicKey that it was signed by
}

func newVerified() *verified {
	return &verified{byToken: make(map[digest]*list.Element), max: maxVerified, maxBytes: maxVerifiedBytes}
}

// get returns nil for a token that is not known.
func (v *verified) get(d digest) *verifiedToken {
	v.mu.Lock()
	defer v.mu.Unlock()
	e := v.byToken[d]
	if e == nil {
		return nil
	}
	v.recent.MoveToFront(e)
	return e.Value.(*verifiedToken)
}

// put remembers a token, in place of what is known of it. One whose payload is
// too long for that is not remembered.
func (v *verified) put(t *verifiedToken) {
	if len(t.payload) > v.maxBytes {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if e := v.byToken[t.digest]; e != nil {
		v.remove(e)
	}
	v.byToken[t.digest] = v.recent.PushFront(t)
	v.bytes += len(t.payload)
	for v.recent.Len() > v.max || v.bytes > v.maxBytes {
		v.remove(v.recent.Back())
	}
}

// remove forgets a token. mu is held.
func (v *verified) remove(e *list.Element) {
	t := v.recent.Remove(e).(*verifiedToken)
	delete(v.byToken, t.digest)
	v.bytes -= len(t.payload)
}
