package apigw

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// setEncodedPath sets EncodedPath and Path from a path that is still encoded.
func (e *Event) setEncodedPath(escaped string) {
	if !strings.HasPrefix(escaped, "/") {
		return // Decode refuses an empty Path; "%2Fx" must not pass for "/x"
	}
	e.Path = unescape(escaped)
	e.keepEncoding(escaped)
}

// keepEncoding sets EncodedPath. The caller must pass a path that decodes to Path. For
// the URL of the request it keeps an encoding that is not the one that package url
// would choose.
func (e *Event) keepEncoding(escaped string) {
	e.EncodedPath = escaped
	u := url.URL{Path: e.Path}
	if u.EscapedPath() == escaped {
		return
	}
	// A path with broken escapes is not kept: package url would ignore it.
	if u.RawPath = escaped; u.EscapedPath() == escaped {
		e.escapedPath = escaped
	}
}

// Request returns the request that a net/http server would have made of what the
// client sent, with ctx as its context, in which EventFrom finds the event. Every
// call makes a new one.
//
// The URL holds path and query only, as on a server; its path lacks the stage.
// RemoteAddr is the source address with port 0, since no source tells the port.
// TLS is set when the client spoke it, but says little: AWS ended the connection.
// Content-Length, as field and header, is the length of the decoded body in bytes.
// Apart from that header, the headers are the client's and AWS's: none is added.
//
// It fails when the body is marked as base64 and is not.
func (e *Event) Request(ctx context.Context) (*http.Request, error) {
	var body io.Reader
	length := 0
	switch {
	case e.body == "":
	case e.base64:
		// The flag decides, never the content type: the lists of types that a
		// gateway encodes differ and change, and HTML forms are on them.
		decoded, err := base64.StdEncoding.DecodeString(e.body)
		if err != nil {
			return nil, fmt.Errorf("gateway event: body is not base64: %w", err)
		}
		body, length = bytes.NewReader(decoded), len(decoded)
	default:
		body, length = strings.NewReader(e.body), len(e.body)
	}

	header := e.newHeader()
	// A gateway sends content-length "0" without a body, and the length of the
	// client's encoding with one. A handler must not read past or short of it.
	switch {
	case length > 0:
		header["Content-Length"] = []string{strconv.Itoa(length)}
	case e.header("Content-Length") != "0":
		delete(header, "Content-Length")
	}

	parts := &requestParts{url: url.URL{Path: e.Path, RawPath: e.escapedPath, RawQuery: e.query}}
	req := noRequest.WithContext(context.WithValue(ctx, eventKey{}, e))
	req.Method = e.Method
	req.URL = &parts.url
	req.RequestURI = parts.url.RequestURI()
	req.Proto, req.ProtoMajor, req.ProtoMinor = "HTTP/1.1", 1, 1
	req.Host = e.host
	req.Header = header
	req.RemoteAddr = net.JoinHostPort(e.SourceIP, "0")
	if length > 0 {
		req.Body = io.NopCloser(body)
		req.ContentLength = int64(length)
	}
	if e.https {
		name := e.host
		if strings.Contains(name, ":") {
			if host, _, err := net.SplitHostPort(name); err == nil {
				name = host
			}
		}
		// The version is the lowest that HTTP APIs take; events do not tell it.
		parts.tls.Version, parts.tls.HandshakeComplete, parts.tls.ServerName = tls.VersionTLS12, true, name
		req.TLS = &parts.tls
	}
	return req, nil
}

// noRequest is what requests are copied from: WithContext is the only way to give
// one its context, and it copies.
var noRequest = &http.Request{Body: http.NoBody}

// requestParts are the parts of a request that it points to, of one piece.
type requestParts struct {
	url url.URL
	tls tls.ConnectionState
}
