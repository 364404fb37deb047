//go:build unix

package mprt_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mpgo-dev/mpgo/pkg/mprt"
	"github.com/mpgo-dev/mpgo/test/foo"
)

// serve serves until the test ends or stop is called, which waits.
func serve(t *testing.T, l net.Listener, opts ...mprt.Option) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- mprt.Serve(ctx, l, foo.NewFooInterfaceServer(server{}), opts...) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := mprt.Listen(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func unixAddress(t *testing.T) string { return "unix:" + filepath.Join(t.TempDir(), "s") }

func dial(t *testing.T, address string, opts ...mprt.Option) *foo.FooInterfaceClient {
	t.Helper()
	c, err := mprt.Dial(t.Context(), address, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return foo.NewFooInterfaceClient(c.Bootstrap())
}

// try makes calls of every kind through a connection.
func try(t *testing.T, client *foo.FooInterfaceClient) {
	t.Helper()
	if err := client.InitThreadMap(t.Context()); err != nil {
		t.Fatal(err)
	}
	double := callback(func(_ context.Context, arg int32) (int32, error) { return 2 * arg, nil })
	var wg sync.WaitGroup
	for i := range int32(8) {
		wg.Go(func() {
			for j := range int32(20) {
				if sum, err := client.Add(t.Context(), i, j); err != nil || sum != i+j {
					t.Errorf("Add: %d, %v", sum, err)
				}
				if got, err := client.Callback(t.Context(), double, j); err != nil || got != 2*j {
					t.Errorf("Callback: %d, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
	// A call that is given up leaves the connection as it is.
	ctx, cancel := context.WithCancel(t.Context())
	give := callback(func(context.Context, int32) (int32, error) {
		cancel()
		return 0, nil
	})
	if _, err := client.Callback(ctx, give, -1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled Callback: %v", err)
	}
	if _, err := client.Add(t.Context(), 1, 1); err != nil {
		t.Error(err)
	}
}

func TestDialWithoutListener(t *testing.T) {
	address := unixAddress(t)
	if _, err := mprt.Dial(t.Context(), address); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Dial: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := mprt.Dial(ctx, address, mprt.WithWaitForPeer())
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Dial that waits: %v", err)
	}
	if _, err := mprt.Dial(t.Context(), "unix", mprt.WithWaitForPeer()); err == nil {
		t.Error("a wrong address was waited for")
	}
}

func TestDialWaits(t *testing.T) {
	address := unixAddress(t)
	clients := make(chan *foo.FooInterfaceClient)
	go func() {
		defer close(clients)
		c, err := mprt.Dial(t.Context(), address, mprt.WithWaitForPeer())
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { c.Close() })
		clients <- foo.NewFooInterfaceClient(c.Bootstrap())
	}()
	// Whether it has tried by now or not, it gets there.
	serve(t, listen(t, address))
	if client := <-clients; client != nil {
		try(t, client)
	}
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{unixAddress(t), "tcp:127.0.0.1:0"} {
		l := listen(t, address)
		serve(t, l)
		try(t, dial(t, l.Addr().Network()+":"+l.Addr().String()))
	}
}

func TestTLS(t *testing.T) {
	serverConfig, clientConfig := tlsConfigs(t)
	l := listen(t, "tcp:127.0.0.1:0")
	serve(t, tls.NewListener(l, serverConfig))

	connect := func(config *tls.Config) *foo.FooInterfaceClient {
		nc, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c := mprt.NewConn(nc, nil)
		t.Cleanup(func() { c.Close() })
		return foo.NewFooInterfaceClient(c.Bootstrap())
	}
	try(t, connect(clientConfig))

	anonymous := clientConfig.Clone()
	anonymous.Certificates = nil
	if _, err := connect(anonymous).Add(t.Context(), 1, 1); !errors.Is(err, mprt.ErrDisconnected) {
		t.Errorf("call without a client certificate: %v", err)
	}
}

// tlsConfigs returns configurations that both ask for a certificate.
func tlsConfigs(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	certs := []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	return &tls.Config{Certificates: certs, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert},
		&tls.Config{Certificates: certs, RootCAs: pool}
}

// A peer that leaves has left, also within a message: at every byte of a short one and of one that is read in pieces.
func TestPeerLeavesWithinMessage(t *testing.T) {
	short := []byte{0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0} // a bootstrap that has no struct
	long := binary.LittleEndian.AppendUint64(nil, 1<<20<<32)
	cuts := [][]byte{append(long, make([]byte, 1<<20)...)}
	for i := range short {
		cuts = append(cuts, short[:i])
	}
	for _, sent := range cuts {
		near, far := net.Pipe()
		ended := make(chan error, 1)
		go func() {
			ended <- mprt.ServeConn(t.Context(), near, foo.NewFooInterfaceServer(server{}))
		}()
		if _, err := far.Write(sent); err != nil {
			t.Fatal(err)
		}
		far.Close()
		if err := <-ended; err != nil {
			t.Errorf("after %d bytes: %v", len(sent), err)
		}
	}
}

func TestShutdown(t *testing.T) {
	address := unixAddress(t)
	stop := serve(t, listen(t, address), mprt.WithGrace(time.Hour))
	client := dial(t, address)
	if err := client.InitThreadMap(t.Context()); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan struct{})
	during := callback(func(ctx context.Context, arg int32) (int32, error) {
		go func() {
			defer close(stopped)
			stop()
		}()
		// New calls are refused as soon as the server has heard of it.
		for {
			_, err := client.Add(context.Background(), 1, 1)
			if errors.Is(err, mprt.ErrDisconnected) {
				if !strings.Contains(err.Error(), "shutting down") {
					t.Errorf("refused call: %v", err)
				}
				break
			}
			if err != nil {
				t.Errorf("call during shutdown: %v", err)
				break
			}
		}
		if err := client.CallFnAsync(context.Background()); !errors.Is(err, mprt.ErrDisconnected) {
			t.Errorf("call on another thread: %v", err)
		}
		// What the running call needs still works.
		return arg, client.CallFnAsync(ctx)
	})
	if got, err := client.Callback(t.Context(), during, 3); err != nil || got != 3 {
		t.Errorf("the running call: %d, %v", got, err)
	}
	<-stopped
	if _, err := client.Add(t.Context(), 1, 1); !errors.Is(err, mprt.ErrDisconnected) {
		t.Errorf("call after shutdown: %v", err)
	}
}

func TestShutdownIsBounded(t *testing.T) {
	address := unixAddress(t)
	stop := serve(t, listen(t, address), mprt.WithGrace(time.Millisecond))
	client := dial(t, address)
	if err := client.InitThreadMap(t.Context()); err != nil {
		t.Fatal(err)
	}
	block := callback(func(ctx context.Context, _ int32) (int32, error) {
		stop()
		return 0, nil
	})
	if _, err := client.Callback(t.Context(), block, 0); !errors.Is(err, mprt.ErrDisconnected) {
		t.Errorf("a call that outlasts the shutdown: %v", err)
	}
}
