/* SPDX-License-Identifier: Apache-2.0
 * System V IPC and POSIX message queues, with good and bad arguments. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BAD ((void *)8)

static void memory(void)
{
	struct shmid_ds ds;
	char info[256];
	int id = syscall(SYS_shmget, IPC_PRIVATE, 8192, IPC_CREAT | IPC_EXCL | 0600);
	syscall(SYS_shmget, 0x1234, 0, 0);
	syscall(SYS_shmget, 0x1235, 4096, SHM_HUGETLB | SHM_NORESERVE | (21 << 26) | 0644);
	syscall(SYS_shmget, 0x1236, 4096, 0x7fff0000);
	void *at = (void *)syscall(SYS_shmat, id, NULL, 0);
	syscall(SYS_shmat, id, NULL, SHM_RDONLY);
	syscall(SYS_shmat, -1, BAD, SHM_RDONLY | SHM_RND | SHM_REMAP | SHM_EXEC | 0x100000);
	syscall(SYS_shmctl, id, IPC_STAT, &ds);
	ds.shm_perm.mode = 0640;
	syscall(SYS_shmctl, id, IPC_SET, &ds);
	syscall(SYS_shmctl, id, IPC_SET, NULL);
	syscall(SYS_shmctl, id, IPC_SET, BAD);
	syscall(SYS_shmctl, -1, IPC_STAT, &ds);
	syscall(SYS_shmctl, id, IPC_STAT, BAD);
	syscall(SYS_shmctl, 0, IPC_INFO, (void *)info);
	syscall(SYS_shmctl, 0, SHM_INFO, (void *)info);
	syscall(SYS_shmctl, 0, SHM_STAT, &ds);
	syscall(SYS_shmctl, 999, SHM_STAT, &ds);
	syscall(SYS_shmctl, 999, 15, &ds);
	syscall(SYS_shmctl, id, SHM_LOCK, NULL);
	syscall(SYS_shmctl, id, SHM_UNLOCK, NULL);
	syscall(SYS_shmctl, id, 99, &ds);
	syscall(SYS_shmdt, at);
	syscall(SYS_shmdt, BAD);
	syscall(SYS_shmctl, id, IPC_RMID, NULL);
}

static void wait_for(int id, void *ops, unsigned count, void *timeout)
{
#ifdef SYS_semtimedop
	syscall(SYS_semtimedop, id, ops, count, timeout);
	if (!timeout)
		syscall(SYS_semop, id, ops, count);
#else
	syscall(SYS_semtimedop_time64, id, ops, count, timeout);
#endif
}

static void semaphores(void)
{
	struct semid_ds ds;
	unsigned short values[2] = {1, 2};
	char info[256];
	long long wait[2] = {0, 1000}, invalid[2] = {-1, 2000000000};
	struct sembuf ops[] = {{0, 1, SEM_UNDO}, {1, -1, IPC_NOWAIT}, {1, 0, SEM_UNDO | IPC_NOWAIT | 0x100}};
	int id = syscall(SYS_semget, IPC_PRIVATE, 2, IPC_CREAT | 0600);
	syscall(SYS_semget, 0x4321, 3, 0);
	syscall(SYS_semget, -1, -1, IPC_CREAT | IPC_EXCL | 07777);
	syscall(SYS_semctl, id, 0, SETVAL, 5);
	syscall(SYS_semctl, id, 1, GETVAL, 0);
	syscall(SYS_semctl, id, 0, GETNCNT, 0);
	syscall(SYS_semctl, id, 0, GETZCNT, 0);
	syscall(SYS_semctl, id, 0, SETALL, values);
	syscall(SYS_semctl, id, 0, GETALL, values);
	syscall(SYS_semctl, id, 0, GETALL, BAD);
	syscall(SYS_semctl, id, 0, IPC_STAT, &ds);
	ds.sem_perm.mode = 0640;
	syscall(SYS_semctl, id, 0, IPC_SET, &ds);
	syscall(SYS_semctl, id, 0, IPC_SET, BAD);
	syscall(SYS_semctl, -1, 0, IPC_STAT, &ds);
	syscall(SYS_semctl, 0, 0, IPC_INFO, info);
	syscall(SYS_semctl, 0, 0, SEM_INFO, info);
	syscall(SYS_semctl, 0, 0, SEM_STAT, &ds);
	syscall(SYS_semctl, 0, 0, 20, &ds);
	syscall(SYS_semctl, 0, 0, 99, &ds);
	wait_for(id, ops, 1, NULL);
	wait_for(id, ops, 3, NULL);
	wait_for(id, ops, 0, NULL);
	wait_for(id, NULL, 1, NULL);
	wait_for(id, BAD, 2, NULL);
	ops[1].sem_num = 0, ops[1].sem_op = -50, ops[1].sem_flg = 0;
	wait_for(id, ops + 1, 1, wait);
	wait_for(id, ops + 1, 1, invalid);
	wait_for(id, ops + 1, 1, BAD);
	wait_for(-1, ops, 3, NULL);
	syscall(SYS_semctl, id, 0, IPC_RMID, 0);
}

static void messages(void)
{
	struct msqid_ds ds;
	char info[256];
	struct {
		long type;
		char text[64];
	} message = {7, "a message that is longer than the thirty-two bytes shown"};
	int id = syscall(SYS_msgget, IPC_PRIVATE, IPC_CREAT | 0600);
	syscall(SYS_msgget, 0x7777, IPC_EXCL);
	syscall(SYS_msgget, -1, IPC_NOWAIT | 0666);
	syscall(SYS_msgsnd, id, &message, 5, 0);
	syscall(SYS_msgsnd, id, &message, 50, IPC_NOWAIT);
	syscall(SYS_msgsnd, id, NULL, 5, 0);
	syscall(SYS_msgsnd, id, BAD, 5, 0x100);
	syscall(SYS_msgsnd, id, &message, -1L, 0);
	syscall(SYS_msgctl, id, IPC_STAT, &ds);
	ds.msg_perm.mode = 0640;
	syscall(SYS_msgctl, id, IPC_SET, &ds);
	syscall(SYS_msgctl, id, IPC_SET, BAD);
	syscall(SYS_msgctl, -1, IPC_STAT, &ds);
	syscall(SYS_msgctl, 0, IPC_INFO, (void *)info);
	syscall(SYS_msgctl, 0, MSG_INFO, (void *)info);
	syscall(SYS_msgctl, 0, MSG_STAT, &ds);
	syscall(SYS_msgctl, 0, 13, &ds);
	syscall(SYS_msgctl, 0, 99, &ds);
	syscall(SYS_msgrcv, id, &message, 64, 0, MSG_NOERROR);
	syscall(SYS_msgrcv, id, &message, 64, -9, IPC_NOWAIT | MSG_EXCEPT);
	syscall(SYS_msgrcv, id, &message, 64, 7, IPC_NOWAIT);
	syscall(SYS_msgrcv, id, BAD, 64, 0, MSG_COPY | IPC_NOWAIT);
	syscall(SYS_msgrcv, id, NULL, -1L, 0, 0x100);
	syscall(SYS_msgctl, id, IPC_RMID, NULL);
}

static void queues(void)
{
	struct mq_attr attr = {.mq_maxmsg = 4, .mq_msgsize = 64}, old;
	char buffer[64];
	unsigned priority;
	struct timespec past = {1, 2}, invalid = {1, 2000000000};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 5};
	int queue = syscall(SYS_mq_open, "stracelet-test", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attr);
	syscall(SYS_mq_open, "stracelet-none", O_RDONLY);
	syscall(SYS_mq_open, "stracelet-none", O_WRONLY | O_NONBLOCK, 0600, &attr);
	syscall(SYS_mq_open, "stracelet-test", O_RDWR | O_CREAT | O_EXCL, 0600, NULL);
	syscall(SYS_mq_open, BAD, O_CREAT, 0600, BAD);
	syscall(SYS_mq_timedsend, queue, "hello", 5, 3, NULL);
	syscall(SYS_mq_timedsend, queue, "again", 5, 0x80000001, &past);
	syscall(SYS_mq_timedsend, -1, BAD, 5, 0, BAD);
	syscall(SYS_mq_getsetattr, queue, NULL, &old);
	attr.mq_flags = O_NONBLOCK;
	syscall(SYS_mq_getsetattr, queue, &attr, &old);
	syscall(SYS_mq_getsetattr, queue, BAD, BAD);
	syscall(SYS_mq_getsetattr, -1, &attr, &old);
	syscall(SYS_mq_timedreceive, queue, buffer, 64, &priority, NULL);
	syscall(SYS_mq_timedreceive, queue, buffer, 64, &priority, &past);
	syscall(SYS_mq_timedreceive, queue, buffer, 64, NULL, &invalid);
	syscall(SYS_mq_timedreceive, queue, buffer, 1, BAD, BAD);
	syscall(SYS_mq_notify, queue, &event);
	syscall(SYS_mq_notify, queue, NULL);
	event.sigev_notify = SIGEV_NONE;
	syscall(SYS_mq_notify, queue, &event);
	event.sigev_notify = 99;
	syscall(SYS_mq_notify, -1, &event);
	event.sigev_notify = SIGEV_THREAD;
	syscall(SYS_mq_notify, -1, &event);
	syscall(SYS_mq_notify, -1, BAD);
	syscall(SYS_mq_unlink, "stracelet-test");
	syscall(SYS_mq_unlink, "stracelet-none");
	syscall(SYS_mq_unlink, BAD);
}

#ifdef SYS_ipc
static void multiplexed(void)
{
	struct {
		void *message;
		long type;
	} kludge = {BAD, 3};
	struct {
		long type;
		char text[8];
	} message = {3, "message"};
	struct sembuf op = {0, 1, 0};
	struct timespec none = {0, 0};
	char ds[256] = "";
	long value = 5, at;
	int shm = syscall(SYS_ipc, 23, IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	syscall(SYS_ipc, 21, shm, 0, &at, NULL);
	syscall(SYS_ipc, 21, -1, SHM_RDONLY, &at, BAD);
	syscall(SYS_ipc, 21, -1, SHM_RDONLY, BAD, BAD);
	syscall(SYS_ipc, 0x10015, -1, SHM_RDONLY, BAD, BAD);
	syscall(SYS_ipc, 22, 0, 0, 0, at);
	syscall(SYS_ipc, 24, shm, IPC_STAT | 0x100, 0, ds);
	syscall(SYS_ipc, 24, shm, IPC_SET, 0, ds);
	syscall(SYS_ipc, 24, shm, IPC_RMID, 0, NULL);
	int sem = syscall(SYS_ipc, 2, IPC_PRIVATE, 1, IPC_CREAT | 0600);
	syscall(SYS_ipc, 1, sem, 1, 0, &op, 0);
	syscall(SYS_ipc, 4, sem, 1, 0, &op, &none);
	syscall(SYS_ipc, 4, sem, 1, 0, &op, NULL);
	syscall(SYS_ipc, 3, sem, 0, SETVAL, &value);
	syscall(SYS_ipc, 3, sem, 0, GETVAL, NULL);
	syscall(SYS_ipc, 3, sem, 0, GETVAL, &value);
	syscall(SYS_ipc, 3, sem, 0, GETVAL, BAD);
	value = (long)ds;
	syscall(SYS_ipc, 3, sem, 0, IPC_STAT | 0x100, &value);
	syscall(SYS_ipc, 3, sem, 0, IPC_RMID, &value);
	int msg = syscall(SYS_ipc, 13, IPC_PRIVATE, IPC_CREAT | 0600);
	syscall(SYS_ipc, 11, msg, 5, 0, &message);
	syscall(SYS_ipc, 11, msg, 5, IPC_NOWAIT, NULL);
	kludge.message = &message;
	syscall(SYS_ipc, 12, msg, 8, 0, &kludge, 0);
	syscall(SYS_ipc, 12, msg, 8, IPC_NOWAIT, &kludge, 0);
	syscall(SYS_ipc, 12, msg, 8, 0, BAD, 0);
	syscall(SYS_ipc, 12 | 0x10000, msg, 8, IPC_NOWAIT, &message, 3);
	syscall(SYS_ipc, 11, msg, 5, 0, &message);
	syscall(SYS_ipc, 12 | 0x10000, msg, 8, IPC_NOWAIT, &message, 3);
	syscall(SYS_ipc, 14, msg, IPC_STAT | 0x100, 0, ds);
	syscall(SYS_ipc, 14, msg, IPC_SET, 0, ds);
	syscall(SYS_ipc, 14, msg, IPC_RMID, 0, NULL);
	syscall(SYS_ipc, 99, 1, 2, 3, 4, 5);
	syscall(SYS_ipc, 0x50001, 1, 2, 3, 4, 5);
}
#endif

int main(void)
{
	unshare(CLONE_NEWIPC); /* identifiers from 0 on */
	memory();
	semaphores();
	messages();
	queues();
#ifdef SYS_ipc
	multiplexed();
#endif
	return 0;
}
