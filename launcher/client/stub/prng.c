/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * bcryptprimitives.dll for a wine that has none (8 and older), in `./test windows` only: Rust's standard library asks it for
 * random bytes on Windows 10 and later.
 */
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count)
{
    return RtlGenRandom(bytes, (ULONG)count);
}
