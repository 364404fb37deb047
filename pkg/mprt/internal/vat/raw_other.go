//go:build !unix

package vat

import (
	"net"
	"syscall"
)

// rawConn is nil where descriptors cannot be read and written directly: all
// goes through net.Conn.
func rawConn(nc net.Conn) (net.Conn, syscall.RawConn) { return nc, nil }

func (in *input) tryRead(uintptr) bool  { panic("vat: no raw connections here") }
func (o *output) tryWrite(uintptr) bool { panic("vat: no raw connections here") }

func (o *output) tryWriteRest(uintptr) bool { panic("vat: no raw connections here") }
