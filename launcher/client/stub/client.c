/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Stands in for a game client in `./test wine`: imports connect as ragexe does, connects to ADDRESS PORT, sends the four bytes
 * "ping", prints what came back and what the DLL says, and ends with 0. Built with a fixed base and without ASLR, like the
 * clients there are.
 */
#include <winsock2.h>
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>

struct config {
    unsigned char enabled;
    unsigned int performance_score;
    unsigned short max_players;
    const char *host_token;
};

#ifndef IMPORTED
static void tell_config(void)
{
    HMODULE library = GetModuleHandleA("p2phost.dll");
    if (library == NULL) {
        printf("library none\n");
        return;
    }
    const struct config *(*initialize)(void) = (void *)GetProcAddress(library, "initialize_p2p_hosting");
    unsigned int (*version)(void) = (void *)GetProcAddress(library, "p2phost_abi_version");
    const struct config *config = initialize();
    printf("library abi=%u enabled=%d score=%u players=%u token=%s again=%s size=%u\n", version(), config->enabled,
           config->performance_score, config->max_players, config->host_token, config == initialize() ? "same" : "other",
           (unsigned)sizeof *config);
}
#endif

int main(int count, char **arguments)
{
    /* Both are imported, so that the patch finds them; ragexe imports them too. */
    if (count != 3 || LoadLibraryA("kernel32.dll") == NULL)
        return 64;
#ifdef IMPORTED
    /* As WARP's CustomDLL has it: in the import table, and never called. */
    extern const void *initialize_p2p_hosting(void);
    const void *(*volatile imported)(void) = initialize_p2p_hosting;
    if (imported == NULL)
        return 65;
#else
    tell_config();
#endif
    WSADATA data;
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
        return 1;
    SOCKET link = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    struct sockaddr_in address = {0};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = inet_addr(arguments[1]);
    address.sin_port = htons((unsigned short)atoi(arguments[2]));
    if (connect(link, (struct sockaddr *)&address, sizeof address) != 0) {
        printf("connect failed %d\n", WSAGetLastError());
        return 2;
    }
    char answer[64] = {0};
    int got = send(link, "ping", 4, 0) == 4 ? recv(link, answer, sizeof answer - 1, 0) : -1;
    printf("answer %s\n", got > 0 ? answer : "none");
    closesocket(link);
    WSACleanup();
    return got > 0 ? 0 : 3;
}
